package whatsapp

import (
	"encoding/json"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"pombal/internal/instance"
)

// forwardMessage makes a message of what messageContent told of another one.
// What that one answered and whom it named stays behind.
func forwardMessage(f instance.Forward) (*waE2E.Message, error) {
	mark := &waE2E.ContextInfo{IsForwarded: proto.Bool(true), ForwardingScore: proto.Uint32(1)}
	if f.ContentType == "conversation" {
		var plain struct{ Text string }
		if err := json.Unmarshal(f.Content, &plain); err != nil {
			return nil, fmt.Errorf("forward: %w", err)
		}
		return textMessage(plain.Text, mark), nil
	}
	whole := &waE2E.Message{}
	field := whole.ProtoReflect().Descriptor().Fields().ByJSONName(f.ContentType)
	if field == nil || field.Kind() != protoreflect.MessageKind {
		return nil, fmt.Errorf("forward: no content %q", f.ContentType)
	}
	part := whole.ProtoReflect().Mutable(field).Message()
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(f.Content, part.Interface()); err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	about := part.Descriptor().Fields().ByJSONName("contextInfo")
	if about == nil {
		return nil, fmt.Errorf("forward: %q cannot be marked", f.ContentType)
	}
	part.Set(about, protoreflect.ValueOfMessage(mark.ProtoReflect()))
	return whole, nil
}
