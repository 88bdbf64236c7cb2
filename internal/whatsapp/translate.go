package whatsapp

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"pombal/internal/event"
)

// translate turns what the library tells into events for webhooks, one line
// for each kind; nothing for kinds that no webhook hears of.
func (s *session) translate(evt any) ([]event.Draft, error) {
	switch e := evt.(type) {
	case *events.Message:
		return s.message(e)
	default:
		return nil, nil
	}
}

// message makes messages.upsert of an incoming message or of one that was sent
// from the phone. Messages between the account's own devices (keys, history
// notices) are not for people.
func (s *session) message(e *events.Message) ([]event.Draft, error) {
	if e.Info.Category == "peer" {
		return nil, nil
	}
	kind, content, err := messageContent(e.Message)
	if err != nil || kind == "" {
		return nil, err
	}
	id, err := event.NewID()
	if err != nil {
		return nil, err
	}
	chat, chatLID := numberAndLID(e.Info.Chat, chatAlt(e.Info))
	now := s.engine.cfg.Now()
	data := event.MessageData{
		MessageID:        id,
		KeyID:            e.Info.ID,
		KeyFromMe:        e.Info.IsFromMe,
		KeyRemoteJID:     chat,
		KeyRemoteLID:     chatLID,
		PushName:         e.Info.PushName,
		ContentType:      kind,
		Content:          content,
		Source:           source(e.Info.ID),
		MessageTimestamp: e.Info.Timestamp.Unix(),
		IsGroup:          e.Info.IsGroup,
		CreatedAt:        event.WireTime(now),
	}
	if e.Info.IsGroup {
		sender, senderLID := numberAndLID(e.Info.Sender, e.Info.SenderAlt)
		data.KeyParticipant, data.KeyParticipantLID = &sender, senderLID
	}
	return []event.Draft{{
		InstanceID: s.params.InstanceID, Type: event.MessagesUpsert, At: now,
		Key: messageKey(e), Data: data,
	}}, nil
}

// messageKey tells a message from every other of the instance, so that one
// that WhatsApp sends again is recorded once. An edit has an id of its own. A
// message that first came unreadable and was asked for again keeps its id.
func messageKey(e *events.Message) string {
	return fmt.Sprintf("%s|%s|%s", e.Info.Chat.ToNonAD(), e.Info.Sender.ToNonAD(), e.Info.ID)
}

// chatAlt is the other address of the chat: of the sender in what came in, of
// the recipient in what the own phone sent.
func chatAlt(info types.MessageInfo) types.JID {
	if info.IsGroup {
		return types.EmptyJID
	}
	if info.IsFromMe {
		return info.RecipientAlt
	}
	return info.SenderAlt
}

// numberAndLID orders the two addresses of a party: the phone number first,
// since that is what CodeChat's clients know, and the hidden id beside it. A
// party whose number is not known keeps its hidden id in the first place.
func numberAndLID(a, b types.JID) (number, lid string) {
	for _, jid := range []types.JID{a, b} {
		if jid.IsEmpty() {
			continue
		}
		jid = jid.ToNonAD()
		if jid.Server == types.HiddenUserServer {
			lid = jid.String()
		} else if number == "" {
			number = jid.String()
		}
	}
	if number == "" {
		number = lid
	}
	return number, lid
}

// messageContent finds the kind and the content of a message by v1.3's rule:
// the first field that is set and is "conversation" or has "Message" in its
// name. Plain text becomes {"text": …}, as that server rewrites it.
func messageContent(m *waE2E.Message) (kind string, content json.RawMessage, err error) {
	if text := m.GetConversation(); text != "" {
		content, err = json.Marshal(map[string]string{"text": text})
		return "conversation", content, err
	}
	field := contentField(m.ProtoReflect())
	if field == nil {
		return "", nil, nil
	}
	content, err = protojson.Marshal(m.ProtoReflect().Get(field).Message().Interface())
	if err != nil {
		return "", nil, fmt.Errorf("message content %s: %w", field.Name(), err)
	}
	return field.JSONName(), content, nil
}

func contentField(m protoreflect.Message) protoreflect.FieldDescriptor {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Kind() != protoreflect.MessageKind || f.IsList() || f.IsMap() || !m.Has(f) {
			continue
		}
		name := f.JSONName()
		if strings.Contains(name, "Message") && name != "senderKeyDistributionMessage" && name != "messageContextInfo" {
			return f
		}
	}
	return nil
}

// source guesses from the shape of a message id which kind of client made it,
// by v1.3's table. v2 knows no desktop: that is web.
func source(id string) string {
	switch {
	case len(id) == 20 && strings.HasPrefix(id, "3A"):
		return "ios"
	case len(id) == 22 && strings.HasPrefix(id, "3E"):
		return "web"
	case len(id) == 21, len(id) == 32:
		return "android"
	default:
		return "web"
	}
}
