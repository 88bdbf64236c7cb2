package whatsapp

import (
	"fmt"

	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
)

// undecryptable makes messages.update of a message that cannot be read yet, what
// phones show as "Waiting for this message". The library asks the sender for it
// again, and our own phone when the sender stays silent; every copy that cannot
// be read either comes through here, and only the first of them counts. It takes
// nothing of the message itself, which is recorded under its own key when it can
// be read. What phones do not show either makes no event.
func (s *session) undecryptable(e *events.UndecryptableMessage) ([]event.Draft, error) {
	if e.DecryptFailMode == events.DecryptFailHide || e.Info.Category == "peer" || !isChat(e.Info.Chat) {
		return nil, nil
	}
	id, err := event.NewID()
	if err != nil {
		return nil, err
	}
	chat := s.chatParty(e.Info)
	data := event.StatusData{
		MessageStatusID: id, Status: statusPending, Reason: event.ReasonUndecryptable,
		DateTime: event.WireTime(e.Info.Timestamp),
		KeyID:    e.Info.ID, KeyRemoteJID: chat.Address(), KeyRemoteLID: chat.LID,
	}
	if e.Info.IsGroup {
		sender := s.party(e.Info.Sender, e.Info.SenderAlt)
		data.KeyParticipant, data.KeyParticipantLID = sender.Address(), sender.LID
	}
	d := s.draft(event.MessagesUpdate)
	d.Key = fmt.Sprintf("%s|%s|%s|%s", statusPending, e.Info.Chat.ToNonAD(), e.Info.Sender.ToNonAD(), e.Info.ID)
	d.Data = data
	return []event.Draft{d}, nil
}
