package event

import (
	"encoding/json"
	"time"
)

// WireTime prints as JavaScript's Date does: UTC, always three fraction
// digits. CodeChat's clients parse nothing else.
type WireTime time.Time

const wireLayout = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON prints the time as described at WireTime.
func (t WireTime) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Time(t).UTC().Format(wireLayout))
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

// QRCodeData is the data of qrcode.updated.
type QRCodeData struct {
	Code   string `json:"code"`
	Base64 string `json:"base64"` // a data URL with a PNG
}

// StateData is the data of state.instance: on, off or deleted.
type StateData struct {
	State string `json:"state"`
}

// ConnectionData is the data of connection.update.
type ConnectionData struct {
	State        string `json:"state"`        // close, connecting or open
	StatusReason int    `json:"statusReason"` // 200 when all is well
}

// MessageData is the data of messages.upsert and, in an array, messages.set.
type MessageData struct {
	MessageID         string          `json:"messageId"`
	KeyID             string          `json:"keyId"`
	KeyFromMe         bool            `json:"keyFromMe"`
	KeyRemoteJID      string          `json:"keyRemoteJid"`
	KeyRemoteLID      string          `json:"keyRemoteLid,omitempty"` // ours: the LID where known
	KeyParticipant    *string         `json:"keyParticipant"`
	KeyParticipantLID string          `json:"keyParticipantLid,omitempty"` // ours
	PushName          string          `json:"pushName"`
	ContentType       string          `json:"contentType"`
	Content           json.RawMessage `json:"content"`
	Source            string          `json:"source"`           // ios, android, web or api
	MessageTimestamp  int64           `json:"messageTimestamp"` // Unix seconds
	IsGroup           bool            `json:"isGroup"`
	CreatedAt         WireTime        `json:"createdAt"`
}
