package whatsapp

import (
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
)

// presence makes presence.update of somebody coming or going.
func (s *session) presence(e *events.Presence) ([]event.Draft, error) {
	who := s.party(e.From)
	item := event.PresenceItem{JID: who.Address(), LID: who.LID, Type: "available"}
	if e.Unavailable {
		item.Type = "unavailable"
	}
	if !e.LastSeen.IsZero() {
		seen := event.WireTime(e.LastSeen)
		item.LastSeen = &seen
	}
	return s.presenceDraft(event.PresenceData{ID: who.Address(), LID: who.LID, Presences: item}), nil
}

// chatPresence makes presence.update of somebody writing or speaking. CodeChat
// documents "pause" where WhatsApp says "paused".
func (s *session) chatPresence(e *events.ChatPresence) ([]event.Draft, error) {
	if e.IsFromMe || !isChat(e.Chat) {
		return nil, nil
	}
	who := s.party(e.Sender, e.SenderAlt)
	item := event.PresenceItem{JID: who.Address(), LID: who.LID, Type: "pause"}
	switch {
	case e.State == types.ChatPresenceComposing && e.Media == types.ChatPresenceMediaAudio:
		item.Type = "recording"
	case e.State == types.ChatPresenceComposing:
		item.Type = "composing"
	}
	data := event.PresenceData{ID: who.Address(), LID: who.LID, Presences: item}
	if e.IsGroup {
		data.ID, data.LID, data.IsGroup = e.Chat.String(), "", true
	}
	return s.presenceDraft(data), nil
}

// presenceDraft is recorded only where a webhook wants it: it is the one type
// that can come many times a minute for every contact.
func (s *session) presenceDraft(data event.PresenceData) []event.Draft {
	d := s.draft(event.PresenceUpdate)
	d.Data, d.OnlyWanted = data, true
	return []event.Draft{d}
}
