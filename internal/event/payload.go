package event

import "encoding/json"

// Fields marked "ours" are not in CodeChat's contract. They stand beside its
// fields and never replace one.

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
