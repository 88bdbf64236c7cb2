package whatsapp

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// messageContent finds the kind and the content of a message by v1.3's rule:
// the first field that is set and is "conversation" or has "Message" in its
// name. Plain text becomes {"text": …}, as that server rewrites it. kind is
// empty when there is nothing for people in it.
func messageContent(m *waE2E.Message) (kind string, content json.RawMessage, err error) {
	if text := m.GetConversation(); text != "" {
		content, err = json.Marshal(map[string]string{"text": text})
		return "conversation", content, err
	}
	field := contentField(m.ProtoReflect())
	if field == nil || !forPeople(m) {
		return "", nil, nil
	}
	content, err = protojson.Marshal(m.ProtoReflect().Get(field).Message().Interface())
	if err != nil {
		return "", nil, fmt.Errorf("message content %s: %w", field.Name(), err)
	}
	// protojson puts spaces in at random, so that nobody relies on its bytes.
	content, err = compact(content)
	return field.JSONName(), content, err
}

// forPeople tells the protocol messages that change what people see from those
// between an account's own devices, which carry its keys.
func forPeople(m *waE2E.Message) bool {
	p := m.GetProtocolMessage()
	if p == nil {
		return true
	}
	switch p.GetType() {
	case waE2E.ProtocolMessage_REVOKE, waE2E.ProtocolMessage_MESSAGE_EDIT, waE2E.ProtocolMessage_EPHEMERAL_SETTING:
		return true
	default:
		return false
	}
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
