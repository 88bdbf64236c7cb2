package whatsapp

import (
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
)

// message makes messages.upsert of an incoming message or of one that was sent
// from the phone, and tells of the chat where that is new. Messages between the
// account's own devices (keys, history notices) are not for people.
func (s *session) message(e *events.Message) ([]event.Draft, error) {
	if at := historyNotice(e); at != nil {
		return s.keepNotice(e.Info.ID, at)
	}
	if e.Info.Category == "peer" {
		return nil, nil
	}
	data, err := s.messageData(e)
	if err != nil || data.KeyID == "" {
		return nil, err
	}
	d := s.draft(event.MessagesUpsert)
	d.Key = messageKey(e)
	chat := event.Party{}
	if isChat(e.Info.Chat) {
		chat = s.chatParty(e.Info)
	}
	sender := s.party(e.Info.Sender, e.Info.SenderAlt)
	data.CreatedAt = event.WireTime(d.At)
	d.Look = func(x event.Index) ([]event.Payload, error) {
		payloads, err := noteMessage(x, data, chat, d.At)
		if err != nil || e.Info.IsFromMe {
			return payloads, err
		}
		contact, joined, err := x.JoinContact(sender)
		if joined {
			payloads = append(payloads, event.Payload{Type: event.ContactsUpdate, Data: []event.ContactData{contact}})
		}
		return payloads, err
	}
	return []event.Draft{d}, nil
}

// noteMessage is what a message does to the index: its chat is there from now
// on, and if it is our own, its receipts will find it.
func noteMessage(x event.Index, data event.MessageData, chat event.Party, at time.Time) ([]event.Payload, error) {
	payloads, err := noteChat(x, chat, at)
	if err != nil {
		return nil, err
	}
	if data.KeyFromMe {
		err = x.PutMessage(data.KeyID, event.MessageRef{MessageID: data.MessageID, Chat: chat, At: at})
	}
	return append(payloads, event.Payload{Type: event.MessagesUpsert, Data: data}), err
}

// noteChat tells of a chat that is new, or whose other address became known.
func noteChat(x event.Index, chat event.Party, at time.Time) ([]event.Payload, error) {
	if chat.IsZero() {
		return nil, nil
	}
	row, found, err := x.Chat(chat, at)
	switch {
	case err != nil, found == event.FoundKnown:
		return nil, err
	case found == event.FoundNew:
		return []event.Payload{{Type: event.ChatsUpsert, Data: []event.ChatData{row}}}, nil
	default:
		return []event.Payload{{Type: event.ChatsUpdate, Data: []event.ChatData{row}}}, nil
	}
}

// messageData is the message as bodies show it; empty when there is nothing for
// people in it.
func (s *session) messageData(e *events.Message) (event.MessageData, error) {
	kind, content, err := messageContent(e.Message)
	if err != nil || kind == "" {
		return event.MessageData{}, err
	}
	id, err := event.NewID()
	if err != nil {
		return event.MessageData{}, err
	}
	chat := s.chatParty(e.Info)
	data := event.MessageData{
		MessageID:        id,
		KeyID:            e.Info.ID,
		KeyFromMe:        e.Info.IsFromMe,
		KeyRemoteJID:     chat.Address(),
		KeyRemoteLID:     chat.LID,
		PushName:         shortName(e.Info.PushName),
		ContentType:      kind,
		Content:          content,
		Source:           source(e.Info.ID),
		MessageTimestamp: e.Info.Timestamp.Unix(),
		IsGroup:          e.Info.IsGroup,
		CreatedAt:        event.WireTime(s.engine.cfg.Now()),
	}
	if e.Info.IsGroup {
		sender := s.party(e.Info.Sender, e.Info.SenderAlt)
		address := sender.Address()
		data.KeyParticipant, data.KeyParticipantLID = &address, sender.LID
	}
	return data, nil
}

// messageKey tells a message from every other of the instance, so that one
// that WhatsApp sends again is recorded once. An edit has an id of its own. A
// message that first came unreadable and was asked for again keeps its id.
func messageKey(e *events.Message) string {
	return fmt.Sprintf("%s|%s|%s", e.Info.Chat.ToNonAD(), e.Info.Sender.ToNonAD(), e.Info.ID)
}

// chatParty is the chat of a message. Its other address is that of the sender
// in what came in, of the recipient in what the own phone sent.
func (s *session) chatParty(info types.MessageInfo) event.Party {
	switch {
	case info.IsGroup:
		return s.party(info.Chat)
	case info.IsFromMe:
		return s.party(info.Chat, info.RecipientAlt)
	default:
		return s.party(info.Chat, info.SenderAlt)
	}
}
