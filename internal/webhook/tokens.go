package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"pombal/internal/event"
)

// TokenText gives the text of the instance token with this id and time of
// issue, such as auth.Service makes it from the claims alone.
type TokenText func(ctx context.Context, instanceID, tokenID string, issued time.Time) (string, error)

// WithTokens gives a sender that can send the tokens of instances to webhooks
// that ask for them; see Webhook.IncludeToken. Without it none is ever sent.
func (s *HTTPSender) WithTokens(text TokenText) *HTTPSender {
	with := *s
	with.tokens = text
	return &with
}

// jwtWithToken is the data of new.jwt as CodeChat sends it: "jwt" is the token.
type jwtWithToken struct {
	event.JWTData
	JWT string `json:"jwt"`
}

// bodyOf is what a job sends: the recorded body, with the token of the instance
// in it where the event is about one and the webhook asked for it. token is the
// text that was put in, "" for none. It is made anew for each call and kept
// nowhere.
func (s *HTTPSender) bodyOf(ctx context.Context, job Job) (body []byte, token string, err error) {
	if !job.Event.Token || !job.Webhook.IncludeToken || s.tokens == nil {
		return job.Event.Body, "", nil
	}
	var data jwtWithToken
	envelope := event.Envelope{Data: &data}
	if err := json.Unmarshal(job.Event.Body, &envelope); err != nil {
		return nil, "", fmt.Errorf("body of a new token: %w", err)
	}
	data.JWT, err = s.tokens(ctx, job.Event.InstanceID, data.AuthID, time.Time(data.CreatedAt))
	if err != nil {
		return nil, "", fmt.Errorf("text of a new token: %w", err)
	}
	body, err = json.Marshal(envelope)
	return body, data.JWT, err
}
