package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

const newToken = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJhMSJ9.c2lnbmVk"

// rotated is the job of a new token.
func rotated(t *testing.T, url string, asked bool) webhook.Job {
	t.Helper()
	draft := event.NewJWTDraft("i1", "a1", time.Unix(60, 0), time.Unix(120, 0))
	body, err := json.Marshal(event.Envelope{
		Event: event.NewJWT.Wire(), ID: "e1", Seq: 7, Timestamp: event.WireTime(draft.At), Data: draft.Data,
		Instance: event.WireInstance{InstanceID: "i1", Name: "shop <1>", WhatsApp: &event.WireWhatsApp{WhatsAppID: "wa"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	j := job(url, string(body))
	j.Event = event.Event{ID: "e1", Seq: 7, InstanceID: "i1", Type: event.NewJWT, Token: true, Body: body}
	j.Webhook.IncludeToken = asked
	return j
}

// A new token is in the body where the webhook asked for it, signed with the
// rest; nowhere else, and the ledger never has it.
func TestTokenIsSentOnlyWhereItIsAskedFor(t *testing.T) {
	t.Parallel()
	var body, signature string
	srv, client := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		body, signature = string(raw), r.Header.Get("webhook-signature")
		w.Header().Set("X-Heard", newToken)
		_, _ = w.Write(raw)
	})
	at := time.Unix(1614265330, 0)
	plain := webhook.NewSender(client, "test", func() time.Time { return at })
	tokens := plain.WithTokens(func(_ context.Context, instanceID, tokenID string, issued time.Time) (string, error) {
		if instanceID != "i1" || tokenID != "a1" || !issued.Equal(time.Unix(60, 0)) {
			t.Errorf("token of %s, %s, %s", instanceID, tokenID, issued)
		}
		return newToken, nil
	})
	other := rotated(t, srv.URL, true)
	other.Event.Token = false
	for name, tc := range map[string]struct {
		sender *webhook.HTTPSender
		job    webhook.Job
		want   bool
	}{
		"asked":             {tokens, rotated(t, srv.URL, true), true},
		"not asked":         {tokens, rotated(t, srv.URL, false), false},
		"another event":     {tokens, other, false},
		"nobody knows them": {plain, rotated(t, srv.URL, true), false},
	} {
		reply := tc.sender.Send(t.Context(), tc.job)
		want := string(tc.job.Event.Body)
		if tc.want {
			want = strings.Replace(want, `"updatedAt":"1970-01-01T00:02:00.000Z"}`, `"updatedAt":"1970-01-01T00:02:00.000Z","jwt":"`+newToken+`"}`, 1)
		}
		if body != want {
			t.Errorf("%s: the body is\n%s, want\n%s", name, body, want)
		}
		signed, err := webhook.Sign(tc.job.Webhook.Secret, "e1", at, []byte(body))
		if err != nil || signature != signed {
			t.Errorf("%s: the signature is %q, want %q (%v)", name, signature, signed, err)
		}
		kept, err := json.Marshal(reply)
		if err != nil || reply.Attempt.StatusCode != http.StatusOK {
			t.Errorf("%s: %+v, %v", name, reply, err)
		}
		if tc.want && strings.Contains(string(kept), newToken) {
			t.Errorf("%s: the token is in the ledger: %s", name, kept)
		}
	}
	failing := plain.WithTokens(func(context.Context, string, string, time.Time) (string, error) { return "", errors.New("no key") })
	body = ""
	if reply := failing.Send(t.Context(), rotated(t, srv.URL, true)); reply.Attempt.Error != string(webhook.FailureRequest) || body != "" {
		t.Errorf("without a token: %+v, sent %q", reply, body)
	}
}
