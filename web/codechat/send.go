package codechat

import (
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// Limits of the options of a message.
const (
	maxDelay      = 60_000 // milliseconds
	maxBodyText   = 65_536
	maxAttributes = 4096
)

// options are what a message may carry beside its content.
type options struct {
	quote      string
	attributes string
	id         string
}

// sendText is POST /instance/:instanceId/send/text. It answers 201.
func (c *call) sendText() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	to := b.need("recipient", maxID)
	text := b.object("textMessage").need("text", maxBodyText)
	opts := readOptions(b.object("options"), "quoteMessageById")
	if err := b.err(); err != nil {
		return err
	}
	sent, err := c.sendMessage(to, instance.Text(text), opts)
	if err != nil {
		return renamed(err, "text", "textMessage.text")
	}
	return c.created(newSent(sent.Data, c.in.ID))
}

// readOptions takes the options of a message. "delay" and "presence" are
// checked and not acted on: the pace of an instance is its own, and typing
// shown by a machine gets numbers banned.
func readOptions(b *body, quote string) options {
	var o options
	b.number("delay", 0, maxDelay)
	b.choice("presence", "composing", "recording", "available", "unavailable", "paused")
	if id := b.text(quote, maxID); id != nil {
		o.quote = *id
	}
	if id := b.text("messageId", maxID); id != nil {
		o.id = *id
	}
	if b.has("externalAttributes") { // "any": text as it is, the rest as its JSON
		raw := b.props["externalAttributes"]
		o.attributes = string(raw)
		if raw[0] == '"' {
			if text := b.text("externalAttributes", maxAttributes); text != nil {
				o.attributes = *text
			}
		}
	}
	return o
}

// sendMessage sends a message with its options.
func (c *call) sendMessage(to string, content instance.Content, o options) (instance.Sent, error) {
	p := instance.SendParams{To: to, Content: content, ID: o.id, ExternalAttributes: o.attributes}
	if o.quote != "" {
		quoted, err := c.quoted(o.quote)
		if err != nil {
			closeFile(content)
			return instance.Sent{}, err
		}
		p.Quote = quoted
	}
	return c.door.Instances.Send(c.ctx(), c.in.ID, p)
}

// quoted finds the message that is to be answered, by our id of it or by
// WhatsApp's.
func (c *call) quoted(id string) (*instance.Quote, error) {
	m, err := c.kept("options.quoteMessageById", id)
	if err != nil {
		return nil, err
	}
	q := &instance.Quote{KeyID: m.KeyID, Text: plainText(m.Content)}
	switch {
	case m.KeyFromMe && c.in.WhatsApp != nil:
		q.Author = c.in.WhatsApp.JID
	case m.KeyParticipant != nil:
		q.Author = *m.KeyParticipant
	default:
		q.Author = m.KeyRemoteJID
	}
	return q, nil
}

// kept finds a message by our id of it or by WhatsApp's; name is the property
// that holds the id.
func (c *call) kept(name, id string) (event.MessageData, error) {
	found, _, err := c.door.History.Messages(c.ctx(), c.in.ID, func(m event.MessageData) bool {
		return m.MessageID == id || m.KeyID == id
	}, 0, 1)
	if err != nil {
		return event.MessageData{}, err
	}
	if len(found) == 0 {
		return event.MessageData{}, bad(name + " is not a message that is kept here")
	}
	return found[0], nil
}

// sentJSON is CodeChat's ResponseSendMessage.
type sentJSON struct {
	event.MessageData
	InstanceID         string `json:"instanceInstanceId"`
	ExternalAttributes string `json:"externalAttributes,omitempty"`
}

func newSent(d event.SentData, instanceID string) sentJSON {
	j := sentJSON{MessageData: d.MessageData, InstanceID: instanceID, ExternalAttributes: d.ExternalAttributes}
	if time.Time(j.CreatedAt).IsZero() {
		j.CreatedAt = event.WireTime(time.Unix(d.MessageTimestamp, 0))
	}
	return j
}
