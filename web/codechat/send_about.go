package codechat

import (
	"slices"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// editWindow is how long WhatsApp takes another wording of a message.
const editWindow = 20 * time.Minute

// sendReaction is PATCH /instance/:instanceId/send/reaction, in either of the
// shapes that clients send.
func (c *call) sendReaction() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	id := orEmpty(b.text("messageId", maxID))
	if id == "" {
		id = c.Query("message")
	}
	emoji, name := b.text("reaction", maxID), "reaction"
	if !b.has(name) && b.has("reactionMessage") {
		emoji, name = b.object("reactionMessage").text("reaction", maxID), "reactionMessage.reaction"
	}
	if id == "" || len(id) > maxID {
		b.fault("messageId", "should not be empty")
	}
	if emoji == nil {
		b.fault(name, "must be an emoji, or empty to take the reaction away")
	}
	if err := b.err(); err != nil {
		return err
	}
	return c.sendAbout(id, func(m event.MessageData) (instance.Content, error) {
		if slices.Contains([]string{"reactionMessage", "protocolMessage"}, m.ContentType) {
			return nil, bad("messageId is not a message that can have reactions")
		}
		return instance.Reaction{Target: targetOf(m), Emoji: *emoji}, nil
	}, map[string]string{"reaction": name})
}

// editMessage is PATCH /instance/:instanceId/send/edit-message.
func (c *call) editMessage() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	id, text := b.need("messageId", maxID), b.need("newText", maxBodyText)
	if err := b.err(); err != nil {
		return err
	}
	return c.sendAbout(id, func(m event.MessageData) (instance.Content, error) {
		switch {
		case !m.KeyFromMe:
			return nil, bad("messageId must be a message of this account")
		case !slices.Contains([]string{"conversation", "extendedTextMessage"}, m.ContentType):
			return nil, bad("messageId must be a text")
		case c.door.Now().Sub(time.Unix(m.MessageTimestamp, 0)) > editWindow:
			return nil, bad("messageId was sent more than 20 minutes ago and cannot be edited any more")
		}
		return instance.Edit{KeyID: m.KeyID, Text: text}, nil
	}, map[string]string{"text": "newText"})
}

// sendForward is POST /instance/:instanceId/send/forward. It answers 201.
func (c *call) sendForward() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	id := b.need("messageId", maxID)
	if err := b.err(); err != nil {
		return err
	}
	m, err := c.kept("messageId", id)
	if err != nil {
		return err
	}
	return c.sendPlain(b, instance.Forward{ContentType: m.ContentType, Content: m.Content}, map[string]string{"message": "messageId"})
}

// sendAbout sends what is about a message that is kept, to the chat of it.
func (c *call) sendAbout(
	id string, content func(event.MessageData) (instance.Content, error), names map[string]string,
) error {
	m, err := c.kept("messageId", id)
	if err != nil {
		return err
	}
	what, err := content(m)
	if err != nil {
		return err
	}
	sent, err := c.sendMessage(m.KeyRemoteJID, what, options{})
	if err != nil {
		names["message"], names["recipient"] = "messageId", "messageId"
		return renamedAll(err, names)
	}
	return c.JSON(newSent(sent.Data, c.in.ID))
}

// deleteMessage is DELETE /instance/:instanceId/chat/delete/message/:messageId:
// for everyone. It answers with the message that was deleted.
func (c *call) deleteMessage() error {
	m, err := c.kept("messageId", c.Params("messageId"))
	if err != nil {
		return err
	}
	if !m.KeyFromMe && !m.IsGroup {
		return bad("messageId must be a message of this account, or one of a group that it administers")
	}
	_, err = c.sendMessage(m.KeyRemoteJID, instance.Revoke{Target: targetOf(m)}, options{})
	if err != nil {
		return renamedAll(err, map[string]string{"message": "messageId", "recipient": "messageId"})
	}
	return c.JSON(sentJSON{MessageData: m, InstanceID: c.in.ID})
}

// targetOf names a kept message. Groups know their members by LID.
func targetOf(m event.MessageData) instance.Target {
	return instance.Target{KeyID: m.KeyID, FromMe: m.KeyFromMe, Author: authorOf(m)}
}

// authorOf is who wrote a message of a group; empty elsewhere.
func authorOf(m event.MessageData) string {
	switch {
	case !m.IsGroup:
		return ""
	case m.KeyParticipantLID != "":
		return m.KeyParticipantLID
	case m.KeyParticipant != nil:
		return *m.KeyParticipant
	default:
		return ""
	}
}
