package whatsapp

import (
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
)

// chatChange makes chats.update of what was done to a chat on another device.
// The state a new link starts from is no change.
func (s *session) chatChange(evt any) ([]event.Draft, error) {
	jid, change, initial := changeOf(evt)
	if initial || !isChat(jid) {
		return nil, nil
	}
	d := s.draft(event.ChatsUpdate)
	chat := s.party(jid)
	d.Look = func(x event.Index) ([]event.Payload, error) {
		row, _, err := x.Chat(chat, d.At)
		row.Change = &change
		return []event.Payload{{Type: event.ChatsUpdate, Data: []event.ChatData{row}}}, err
	}
	return []event.Draft{d}, nil
}

func changeOf(evt any) (jid types.JID, change event.ChatChange, initial bool) {
	switch e := evt.(type) {
	case *events.Archive:
		on := e.Action.GetArchived()
		return e.JID, event.ChatChange{Archived: &on}, e.FromFullSync
	case *events.Pin:
		on := e.Action.GetPinned()
		return e.JID, event.ChatChange{Pinned: &on}, e.FromFullSync
	case *events.Mute:
		on := e.Action.GetMuted()
		change = event.ChatChange{Muted: &on}
		if end := e.Action.GetMuteEndTimestamp(); on && end > 0 {
			until := event.WireTime(time.UnixMilli(end))
			change.Until = &until
		}
		return e.JID, change, e.FromFullSync
	case *events.MarkChatAsRead:
		read := e.Action.GetRead()
		return e.JID, event.ChatChange{Read: &read}, e.FromFullSync
	case *events.ClearChat:
		return e.JID, event.ChatChange{Cleared: true}, e.FromFullSync
	default:
		return types.EmptyJID, event.ChatChange{}, true
	}
}

// deleteChat makes chats.delete. The next message there makes a new chat.
func (s *session) deleteChat(e *events.DeleteChat) ([]event.Draft, error) {
	if e.FromFullSync || !isChat(e.JID) {
		return nil, nil
	}
	d := s.draft(event.ChatsDelete)
	chat := s.party(e.JID)
	d.Look = func(x event.Index) ([]event.Payload, error) {
		return []event.Payload{{Type: event.ChatsDelete, Data: []string{chat.Address()}}}, x.DropChat(chat)
	}
	return []event.Draft{d}, nil
}
