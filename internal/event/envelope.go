package event

import (
	"time"
)

// WireTime prints as JavaScript's Date does: UTC, always three fraction
// digits. CodeChat's clients parse nothing else.
type WireTime time.Time

const wireLayout = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON prints the time as described at WireTime.
func (t WireTime) MarshalJSON() ([]byte, error) {
	// Written by hand: a list of instances holds thousands of times.
	b := make([]byte, 0, len(wireLayout)+2)
	b = append(b, '"')
	b = time.Time(t).UTC().AppendFormat(b, wireLayout)
	return append(b, '"'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, and any RFC 3339 time.
func (t *WireTime) UnmarshalJSON(raw []byte) error {
	return (*time.Time)(t).UnmarshalJSON(raw)
}

// Envelope is the body of a webhook call: CodeChat's {event, instance, data}
// with id, seq and timestamp beside them.
type Envelope struct {
	Event     string       `json:"event"`
	ID        string       `json:"id"`
	Seq       uint64       `json:"seq"`
	Timestamp WireTime     `json:"timestamp"`
	Instance  WireInstance `json:"instance"`
	Data      any          `json:"data"`
}

// WireInstance is the "instance" of the body. It never carries a credential.
type WireInstance struct {
	InstanceID string        `json:"instanceId"`
	Name       string        `json:"name"`
	State      string        `json:"state"`      // active or inactive
	Connection string        `json:"connection"` // open, close or refused
	CreatedAt  WireTime      `json:"createdAt"`
	WhatsApp   *WireWhatsApp `json:"WhatsApp"`
	Business   WireBusiness  `json:"Business"`
}

// WireWhatsApp is the linked account; nil before the first pairing.
type WireWhatsApp struct {
	WhatsAppID string   `json:"whatsappId"`
	RemoteJID  string   `json:"remoteJid"`
	PictureURL *string  `json:"pictureUrl"`
	PushName   string   `json:"pushName"`
	CreatedAt  WireTime `json:"createdAt"`
}

// WireBusiness is CodeChat's tenant.
type WireBusiness struct {
	BusinessID string `json:"businessId"`
	Name       string `json:"name"`
}
