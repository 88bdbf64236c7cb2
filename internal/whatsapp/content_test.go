package whatsapp_test

import (
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"pombal/internal/instance/instancetest"
	"pombal/internal/whatsapp"
)

func TestMessageContent(t *testing.T) {
	t.Parallel()
	protocol := func(kind waE2E.ProtocolMessage_Type) *waE2E.Message {
		return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
			Type: kind.Enum(),
			AppStateSyncKeyShare: &waE2E.AppStateSyncKeyShare{Keys: []*waE2E.AppStateSyncKey{{
				KeyData: &waE2E.AppStateSyncKeyData{KeyData: []byte("a key")},
			}}},
		}}
	}
	for _, tc := range []struct {
		name    string
		in      *waE2E.Message
		kind    string
		content string
	}{
		{"text", &waE2E.Message{Conversation: proto.String("a <b> & \"c\"")}, "conversation", `{"text":"a \u003cb\u003e \u0026 \"c\""}`},
		{"link", &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("x")}}, "extendedTextMessage", `{"text":"x"}`},
		{"image", &waE2E.Message{
			SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{},
			ImageMessage:                 &waE2E.ImageMessage{Mimetype: proto.String("image/jpeg"), FileLength: proto.Uint64(48213), MediaKey: []byte{1}},
			MessageContextInfo:           &waE2E.MessageContextInfo{MessageSecret: []byte("secret")},
		}, "imageMessage", `{"mimetype":"image/jpeg","fileLength":"48213","mediaKey":"AQ=="}`},
		{"reaction", &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Text: proto.String("👍")}}, "reactionMessage", `{"text":"👍"}`},
		{"nothing", &waE2E.Message{}, "", ""},
		{"nil", nil, "", ""},
		{"sender key alone", &waE2E.Message{SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{}}, "", ""},
		{"keys between own devices", protocol(waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE), "", ""},
		{"history notice", protocol(waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION), "", ""},
	} {
		kind, content, err := whatsapp.MessageContent(tc.in)
		if err != nil || kind != tc.kind || string(content) != tc.content {
			t.Errorf("%s: %s %s, %v; want %s %s", tc.name, kind, content, err, tc.kind, tc.content)
		}
	}
	if kind, _, err := whatsapp.MessageContent(protocol(waE2E.ProtocolMessage_REVOKE)); kind != "protocolMessage" || err != nil {
		t.Errorf("a deleted message: %q, %v", kind, err)
	}
}

func FuzzMessageContent(f *testing.F) {
	raw, err := proto.Marshal(&waE2E.Message{Conversation: proto.String("x")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m waE2E.Message
		if proto.Unmarshal(raw, &m) != nil {
			t.Skip()
		}
		if kind, content, err := whatsapp.MessageContent(&m); err == nil && kind == "" && len(content) > 0 || strings.Contains(kind, " ") {
			t.Errorf("%q %s", kind, content)
		}
	})
}

func TestFullHistoryIsAskedForByOneDevice(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	if with, without := whatsapp.AsksForFullHistory(h.Keys.NewDevice()); !with || without {
		t.Errorf("full: %v, others: %v", with, without)
	}
}
