package codechat

import (
	"encoding/json"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// stateJSON is the answer of connection-state.
type stateJSON struct {
	State        string `json:"state"` // open, connecting, close or refused
	StatusReason int    `json:"statusReason"`
}

// codeJSON is the answer of connect and qrcode. The two documented strings are
// always there, empty while there is no code.
type codeJSON struct {
	Base64 string `json:"base64"` // a data URL, fit for the src of an img
	Code   string `json:"code"`
	State  string `json:"state"` // ours: so that one loop can poll for both
}

// createJSON is CodeChat's InstanceCreateResponse.
type createJSON struct {
	InstanceID string          `json:"instanceId"`
	Name       string          `json:"name"`
	State      string          `json:"state"`
	Connection string          `json:"connection"`
	CreatedAt  event.WireTime  `json:"createdAt"`
	DeletedAt  *event.WireTime `json:"deletedAt"`
	BusinessID string          `json:"businessBusinessId"`
	Auth       authJSON        `json:"Auth"`
}

// moveJSON is CodeChat's BusinessMoveWAResponse.
type moveJSON struct {
	createJSON
	WhatsApp *event.WireWhatsApp `json:"WhatsApp"`
}

func newAuth(t instance.Token, jwt string) authJSON {
	return authJSON{
		AuthID: t.ID, JWT: jwt, CreatedAt: event.WireTime(t.IssuedAt), UpdatedAt: event.WireTime(t.UpdatedAt),
	}
}

func newCreate(in instance.Instance, jwt string) createJSON {
	return createJSON{
		InstanceID: in.ID, Name: in.Name, State: string(in.State), Connection: in.Connection(),
		CreatedAt: event.WireTime(in.CreatedAt), DeletedAt: timeOrNull(in.DeletedAt), BusinessID: in.BusinessID,
		Auth: newAuth(in.Token, jwt),
	}
}

// businessJSON is CodeChat's tenant.
type businessJSON struct {
	BusinessID      string               `json:"businessId"`
	Name            string               `json:"name"`
	BusinessToken   string               `json:"businessToken"`
	Attributes      json.RawMessage      `json:"attributes"` // an object
	CreatedAt       event.WireTime       `json:"createdAt"`
	UpdatedAt       event.WireTime       `json:"updatedAt"`
	DeletedAt       *event.WireTime      `json:"deletedAt"`
	BusinessWebhook *businessWebhookJSON `json:"BusinessWebhook"` // null when there is none
}

type businessWebhookJSON struct {
	WebhookID string         `json:"webhookId"`
	Name      string         `json:"name,omitempty"` // ours, where one was given
	URL       string         `json:"url"`
	Enabled   bool           `json:"enabled"`
	CreatedAt event.WireTime `json:"createdAt"`
	UpdatedAt event.WireTime `json:"updatedAt"`
}

// searchJSON is the answer of search: the tenant with a page of its instances.
type searchJSON struct {
	businessJSON
	BusinessPage pageJSON[instanceJSON] `json:"BusinessPage"`
}

func newBusiness(b instance.Business, token string) businessJSON {
	j := businessJSON{
		BusinessID: b.ID, Name: b.Name, BusinessToken: token, Attributes: b.Attributes,
		CreatedAt: event.WireTime(b.CreatedAt), UpdatedAt: event.WireTime(b.UpdatedAt),
		BusinessWebhook: newBusinessWebhook(b.Webhook),
	}
	if j.Attributes == nil {
		j.Attributes = json.RawMessage("{}")
	}
	if b.UpdatedAt.IsZero() {
		j.UpdatedAt = j.CreatedAt
	}
	return j
}

func newBusinessWebhook(h *instance.BusinessWebhook) *businessWebhookJSON {
	if h == nil {
		return nil
	}
	return &businessWebhookJSON{
		WebhookID: h.ID, Name: h.Name, URL: h.URL, Enabled: h.Enabled,
		CreatedAt: event.WireTime(h.CreatedAt), UpdatedAt: event.WireTime(h.UpdatedAt),
	}
}

// rotationJSON is the answer of refresh-token.
type rotationJSON struct {
	NewToken string `json:"newToken"`
	// OldTokenExpiresAt is ours: the replaced token is good until then; null
	// when it ended at once.
	OldTokenExpiresAt *event.WireTime `json:"oldTokenExpiresAt"`
}

func newRotation(text string, t instance.Token) rotationJSON {
	j := rotationJSON{NewToken: text}
	if n := len(t.Former); n > 0 {
		j.OldTokenExpiresAt = timeOrNull(t.Former[n-1].Until)
	}
	return j
}
