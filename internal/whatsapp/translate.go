package whatsapp

import (
	"bytes"
	"encoding/json"

	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
)

// translate turns what the library tells into events for webhooks, one line
// for each kind; nothing for kinds that no webhook hears of. It asks nobody on
// the network and decides nothing that depends on what came before: that is
// looked up inside the commit.
func (s *session) translate(evt any) ([]event.Draft, error) {
	switch e := evt.(type) {
	case *events.Message:
		return s.message(e)
	case *events.UndecryptableMessage:
		return s.undecryptable(e)
	case *events.Receipt:
		return s.receipt(e)
	case *events.Contact:
		return s.contact(e)
	case *events.PushName:
		return s.pushName(e)
	case *events.BusinessName:
		return s.businessName(e)
	case *events.Picture:
		return s.picture(e)
	case *events.Presence:
		return s.presence(e)
	case *events.ChatPresence:
		return s.chatPresence(e)
	case *events.Archive, *events.Pin, *events.Mute, *events.MarkChatAsRead, *events.ClearChat:
		return s.chatChange(e)
	case *events.DeleteChat:
		return s.deleteChat(e)
	case *events.JoinedGroup:
		return s.joinedGroup(e)
	case *events.GroupInfo:
		return s.groupInfo(e)
	default:
		return nil, nil
	}
}

// draft starts a draft of this instance.
func (s *session) draft(t event.Type) event.Draft {
	return event.Draft{InstanceID: s.params.InstanceID, Type: t, At: s.engine.cfg.Now()}
}

func compact(raw []byte) (json.RawMessage, error) {
	var out bytes.Buffer
	err := json.Compact(&out, raw)
	return out.Bytes(), err
}
