package codechat

import (
	"time"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// instanceJSON is CodeChat's InstanceFindResponse (v2.1.2). The order of the
// fields is the document's.
type instanceJSON struct {
	InstanceID string              `json:"instanceId"`
	Name       string              `json:"name"`
	State      string              `json:"state"`      // active or inactive
	Connection string              `json:"connection"` // open, close or refused
	CreatedAt  event.WireTime      `json:"createdAt"`
	DeletedAt  *event.WireTime     `json:"deletedAt"` // null while the instance lives
	Auth       authJSON            `json:"Auth"`
	WhatsApp   *event.WireWhatsApp `json:"WhatsApp"` // null before the first pairing
	Webhook    []webhookJSON       `json:"Webhook"`
	Business   event.WireBusiness  `json:"Business"`
}

type authJSON struct {
	AuthID    string         `json:"authId"`
	JWT       string         `json:"jwt"`
	CreatedAt event.WireTime `json:"createdAt"`
	UpdatedAt event.WireTime `json:"updatedAt"`
}

type webhookJSON struct {
	Name       string         `json:"name"`
	URL        string         `json:"url"`
	Enabled    bool           `json:"enabled"`
	WebhookID  string         `json:"webhookId"`
	CreatedAt  event.WireTime `json:"createdAt"`
	UpdatedAt  event.WireTime `json:"updatedAt"`
	InstanceID string         `json:"instanceInstanceId"`
	Events     eventsJSON     `json:"WebhookEvents"`
}

// eventsJSON is the WebhookEvents object: 19 booleans, in the document's order,
// and three fields of its own.
type eventsJSON webhook.Events

// MarshalJSON writes the booleans in the document's order.
func (e eventsJSON) MarshalJSON() ([]byte, error) { return jsonText(nil).events(e), nil }

// errorJSON is the body of CodeChat's exceptions.
type errorJSON struct {
	Message    []string `json:"message"`
	Error      string   `json:"error"`
	StatusCode int      `json:"statusCode"`
}

// error13JSON is errorJSON as version 1.3 spells it.
type error13JSON struct {
	Status  int      `json:"status"`
	Error   string   `json:"error"`
	Message []string `json:"message"`
}

// claimsOf are the claims of an instance's token.
func claimsOf(in instance.Instance) auth.InstanceClaims {
	return auth.InstanceClaims{InstanceID: in.ID, TokenID: in.Token.ID, IssuedAt: in.Token.IssuedAt}
}

func newInstance(in instance.Instance, jwt string, hooks []webhook.Webhook, b instance.Business) instanceJSON {
	wire := in.Wire(b)
	j := instanceJSON{
		InstanceID: wire.InstanceID, Name: wire.Name, State: wire.State, Connection: wire.Connection,
		CreatedAt: wire.CreatedAt, DeletedAt: timeOrNull(in.DeletedAt),
		Auth: authJSON{
			AuthID: in.Token.ID, JWT: jwt,
			CreatedAt: event.WireTime(in.Token.IssuedAt), UpdatedAt: event.WireTime(in.Token.UpdatedAt),
		},
		WhatsApp: wire.WhatsApp, Webhook: make([]webhookJSON, 0, len(hooks)), Business: wire.Business,
	}
	for _, h := range hooks {
		j.Webhook = append(j.Webhook, newWebhook(h))
	}
	return j
}

// deleted is the instance as it is answered after it was deleted.
func (j instanceJSON) deleted(at time.Time) instanceJSON {
	j.DeletedAt, j.Connection = timeOrNull(at), "close"
	return j
}

func newWebhooks(hooks []webhook.Webhook) []webhookJSON {
	list := make([]webhookJSON, 0, len(hooks))
	for _, h := range hooks {
		list = append(list, newWebhook(h))
	}
	return list
}

func newWebhook(h webhook.Webhook) webhookJSON {
	return webhookJSON{
		Name: h.Name, URL: h.URL, Enabled: h.Enabled, WebhookID: h.ID, CreatedAt: event.WireTime(h.CreatedAt),
		UpdatedAt: event.WireTime(h.UpdatedAt), InstanceID: h.InstanceID, Events: eventsJSON(h.Events),
	}
}

func timeOrNull(t time.Time) *event.WireTime {
	if t.IsZero() {
		return nil
	}
	w := event.WireTime(t)
	return &w
}
