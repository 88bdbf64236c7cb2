package whatsapp

import (
	"fmt"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
)

// The statuses of messages.update.
const (
	statusPending   = "PENDING"
	statusServer    = "SERVER_ACK"
	statusDelivered = "DELIVERY_ACK"
	statusRead      = "READ"
	statusPlayed    = "PLAYED"
	statusError     = "ERROR"
)

// receiptStatus is what a receipt says of a message; empty for those that our
// own devices and the library exchange, and for "inactive", which official
// clients do not show either.
func receiptStatus(t types.ReceiptType) string {
	switch t {
	case types.ReceiptTypeDelivered:
		return statusDelivered
	case types.ReceiptTypeRead:
		return statusRead
	case types.ReceiptTypePlayed:
		return statusPlayed
	case types.ReceiptTypeServerError:
		return statusError
	default:
		return ""
	}
}

// receipt makes one messages.update for each message of a receipt. Every device
// of a person sends its own; only the first of each status counts.
func (s *session) receipt(e *events.Receipt) ([]event.Draft, error) {
	status := receiptStatus(e.Type)
	if status == "" || e.IsFromMe || !isChat(e.Chat) {
		return nil, nil
	}
	s.outgoing.wait(s.bg.ctx, e.MessageIDs)
	chat := s.party(e.Chat)
	if !e.IsGroup {
		chat = s.party(e.Chat, e.SenderAlt)
	}
	drafts := make([]event.Draft, 0, len(e.MessageIDs))
	for _, id := range e.MessageIDs {
		statusID, err := event.NewID()
		if err != nil {
			return nil, err
		}
		data := event.StatusData{
			MessageStatusID: statusID, Status: status, DateTime: event.WireTime(e.Timestamp),
			KeyID: id, KeyRemoteJID: chat.Address(), KeyRemoteLID: chat.LID,
		}
		if e.IsGroup {
			member := s.party(e.Sender, e.SenderAlt)
			data.KeyParticipant, data.KeyParticipantLID = member.Address(), member.LID
		}
		d := s.draft(event.MessagesUpdate)
		d.Key = fmt.Sprintf("%s|%s|%s|%s", status, e.Chat.ToNonAD(), e.Sender.ToNonAD(), id)
		d.Look = lookStatus(data, chat)
		drafts = append(drafts, d)
	}
	return drafts, nil
}

// lookStatus finds the message of a receipt. One of another chat is not it,
// whatever id the receipt names.
func lookStatus(data event.StatusData, chat event.Party) func(event.Index) ([]event.Payload, error) {
	return func(x event.Index) ([]event.Payload, error) {
		ref, ok, err := x.Message(data.KeyID)
		if err != nil {
			return nil, err
		}
		found := data
		if ok && ref.Chat.Same(chat) {
			found.MessageMessageID = &ref.MessageID
		}
		return []event.Payload{{Type: event.MessagesUpdate, Data: found}}, nil
	}
}
