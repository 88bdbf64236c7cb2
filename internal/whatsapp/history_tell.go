package whatsapp

import (
	"context"
	"encoding/json"

	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// tellHistory records chats.set, contacts.set and messages.set of a history;
// false when the disk refused a part. Told again, only what is missing is
// recorded.
func (s *session) tellHistory(ctx context.Context, id string, h *waHistorySync.HistorySync) bool {
	if s.params.History == instance.HistoryNone {
		return true
	}
	var people []known
	for _, p := range h.GetPushnames() {
		if jid, err := types.ParseJID(p.GetID()); err == nil && p.GetPushname() != "-" {
			people = append(people, known{s.party(jid), event.Names{Push: p.GetPushname()}})
		}
	}
	chats := make([]event.Party, 0, len(h.GetConversations()))
	var messages []json.RawMessage
	wanted := s.params.Sink.Wants(event.MessagesSet)
	for _, c := range h.GetConversations() {
		jid, err := types.ParseJID(c.GetID())
		if err != nil || !isChat(jid) {
			continue
		}
		pn, _ := types.ParseJID(c.GetPnJID())
		lid, _ := types.ParseJID(c.GetLidJID())
		chats = append(chats, s.party(jid, pn, lid))
		if wanted {
			messages = append(messages, s.oldMessages(jid, c.GetMessages())...)
		}
	}
	key := "history|" + id
	return s.chatsSet(ctx, key, chats) && s.contactsSet(ctx, key, people) && s.messagesSet(ctx, key, messages)
}

// oldMessages encodes the messages of one conversation. One that cannot be read
// is left out, so that it does not cost the others.
func (s *session) oldMessages(chat types.JID, list []*waHistorySync.HistorySyncMsg) []json.RawMessage {
	out := make([]json.RawMessage, 0, len(list))
	for _, m := range list {
		raw, err := s.oldMessage(chat, m.GetMessage())
		switch {
		case err != nil:
			s.log().Warn("read a message of the history", "error", err)
		case raw != nil:
			out = append(out, raw)
		}
	}
	return out
}

func (s *session) oldMessage(chat types.JID, m *waWeb.WebMessageInfo) (json.RawMessage, error) {
	if m.GetMessage() == nil || m.GetMessage().GetProtocolMessage() != nil {
		return nil, nil // group notices and the like
	}
	e, err := s.client.ParseWebMessage(chat, m)
	if err != nil {
		return nil, err
	}
	data, err := s.messageData(e)
	if err != nil || data.KeyID == "" {
		return nil, err
	}
	raw, err := json.Marshal(data)
	if err != nil || len(raw) <= setBytes {
		return raw, err
	}
	// No receiver takes a single message of this size in a list.
	if data.Content, err = json.Marshal(map[string]int{"omittedBytes": len(data.Content)}); err != nil {
		return nil, err
	}
	return json.Marshal(data)
}
