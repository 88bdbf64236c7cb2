package codechat

import (
	"encoding/json"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// sent13JSON is a sent message as version 1.3 shows it.
type sent13JSON struct {
	ID                 string          `json:"id"`
	KeyID              string          `json:"keyId"`
	KeyFromMe          bool            `json:"keyFromMe"`
	KeyRemoteJID       string          `json:"keyRemoteJid"`
	KeyParticipant     *string         `json:"keyParticipant"`
	PushName           string          `json:"pushName"`
	MessageType        string          `json:"messageType"`
	Content            json.RawMessage `json:"content"`
	MessageTimestamp   int64           `json:"messageTimestamp"`
	InstanceID         string          `json:"instanceId"`
	Device             string          `json:"device"`
	IsGroup            bool            `json:"isGroup"`
	ExternalAttributes string          `json:"externalAttributes,omitempty"`
}

func newSent13(d event.SentData, instanceID string) sent13JSON {
	return sent13JSON{
		ID: d.MessageID, KeyID: d.KeyID, KeyFromMe: d.KeyFromMe, KeyRemoteJID: d.KeyRemoteJID, KeyParticipant: d.KeyParticipant,
		PushName: d.PushName, MessageType: d.ContentType, Content: d.Content, MessageTimestamp: d.MessageTimestamp,
		InstanceID: instanceID, Device: "web", IsGroup: d.IsGroup, ExternalAttributes: d.ExternalAttributes,
	}
}

// sendText13 is POST /message/sendText/:instanceName. It answers 201.
func (c *call) sendText13() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	to := b.need("number", maxID)
	text := b.object("textMessage").need("text", maxBodyText)
	opts := readOptions(b.object("options"), "quotedMessageId")
	if err := b.err(); err != nil {
		return err
	}
	sent, err := c.sendMessage(to, instance.Text(text), opts)
	if err != nil {
		return renamed(renamed(err, "text", "textMessage.text"), "recipient", "number")
	}
	return c.created(newSent13(sent.Data, c.in.ID))
}
