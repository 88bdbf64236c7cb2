package wasim_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"pombal/internal/wasim"
)

// Every change on the phone reaches the companion as an event, also the first
// one in its collection.
func TestStateChanges(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	ctx, chat := ctxFor(t), bob.JID()
	key := &waCommon.MessageKey{RemoteJID: proto.String(chat.String()), ID: proto.String("3EB0"), FromMe: proto.Bool(true)}
	seen := func(what string, err error, check func()) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		check()
	}
	seen("SetContact", ana.SetContact(ctx, bob, "Bob", "Bob Builder"), func() {
		wait(c, 1, func(e *events.Contact) bool { return e.JID == chat && e.Action.GetFullName() == "Bob Builder" })
	})
	seen("Archive", ana.Archive(ctx, chat, true), func() {
		wait(c, 1, func(e *events.Archive) bool { return e.JID == chat && e.Action.GetArchived() })
		wait(c, 1, func(e *events.Pin) bool { return !e.Action.GetPinned() })
	})
	seen("Pin", ana.Pin(ctx, chat, true), func() {
		wait(c, 1, func(e *events.Pin) bool { return e.JID == chat && e.Action.GetPinned() })
	})
	seen("Mute", ana.Mute(ctx, chat, true, time.Hour), func() {
		wait(c, 1, func(e *events.Mute) bool { return e.JID == chat && e.Action.GetMuteEndTimestamp() > 0 })
	})
	seen("MarkChat", ana.MarkChat(ctx, chat, true), func() {
		wait(c, 1, func(e *events.MarkChatAsRead) bool { return e.JID == chat && e.Action.GetRead() })
	})
	seen("Star", ana.Star(ctx, key, true), func() {
		wait(c, 1, func(e *events.Star) bool { return e.MessageID == "3EB0" && e.IsFromMe && e.Action.GetStarred() })
	})
	seen("DeleteForMe", ana.DeleteForMe(ctx, key), func() {
		wait(c, 1, func(e *events.DeleteForMe) bool { return e.ChatJID == chat && e.MessageID == "3EB0" })
	})
	seen("ClearChat", ana.ClearChat(ctx, chat, true), func() {
		wait(c, 1, func(e *events.ClearChat) bool { return e.JID == chat && e.DeleteMedia })
	})
	seen("DeleteChat", ana.DeleteChat(ctx, chat, false), func() {
		wait(c, 1, func(e *events.DeleteChat) bool { return e.JID == chat && !e.DeleteMedia })
	})
	seen("EditLabel", ana.EditLabel(ctx, "7", "Customers", 3, false), func() {
		wait(c, 1, func(e *events.LabelEdit) bool { return e.LabelID == "7" && e.Action.GetName() == "Customers" })
	})
	seen("LabelChat", ana.LabelChat(ctx, chat, "7", true), func() {
		wait(c, 1, func(e *events.LabelAssociationChat) bool { return e.JID == chat && e.LabelID == "7" })
	})
	seen("LabelMessage", ana.LabelMessage(ctx, chat, "3EB0", "7", true), func() {
		wait(c, 1, func(e *events.LabelAssociationMessage) bool { return e.MessageID == "3EB0" && e.LabelID == "7" })
	})
	if err := s.WaitSettled(ctx, jid); err != nil {
		t.Fatal(err)
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, _ := pair(t, s, ana)
	ctx := ctxFor(t)
	id := bob.SetPicture([]byte("a picture"))
	wait(c, 1, func(e *events.Picture) bool { return e.JID == bob.JID() && e.PictureID == id && !e.Remove })
	info, err := c.GetProfilePictureInfo(ctx, bob.JID(), nil)
	if err != nil || info.ID != id {
		t.Fatalf("GetProfilePictureInfo = %+v, %v, want id %s", info, err, id)
	}
	resp, err := s.HTTPClient().Get(info.URL)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	_, err = got.ReadFrom(resp.Body)
	_ = resp.Body.Close()
	if err != nil || got.String() != "a picture" {
		t.Errorf("picture = %q, %v", &got, err)
	}
	if info, err := c.GetProfilePictureInfo(ctx, bob.JID(), &whatsmeow.GetProfilePictureParams{ExistingID: id}); info != nil || err != nil {
		t.Errorf("GetProfilePictureInfo with the known id = %+v, %v, want nothing new", info, err)
	}
	bob.SetPicture(nil)
	wait(c, 1, func(e *events.Picture) bool { return e.Remove })
	if _, err := c.GetProfilePictureInfo(ctx, bob.JID(), nil); !errors.Is(err, whatsmeow.ErrProfilePictureNotSet) {
		t.Errorf("GetProfilePictureInfo = %v, want %v", err, whatsmeow.ErrProfilePictureNotSet)
	}
	g := ana.NewGroup("Pigeons", bob)
	set, err := c.SetGroupPhoto(ctx, g.JID(), []byte("a group"))
	if err != nil {
		t.Fatalf("SetGroupPhoto: %v", err)
	}
	if info, err := c.GetProfilePictureInfo(ctx, g.JID(), nil); err != nil || info.ID != set {
		t.Errorf("GetProfilePictureInfo = %+v, %v, want id %s", info, err, set)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	call := bob.Ring(ana, true)
	wait(c, 1, func(e *events.CallOffer) bool { return e.CallID == call.ID && e.CallCreatorAlt == bob.JID() })
	bob.HangUp(ana, call, "timeout")
	wait(c, 1, func(e *events.CallTerminate) bool { return e.CallID == call.ID && e.Reason == "timeout" })
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
}

func TestBrokenMessages(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	for _, text := range []string{"new session", "old session"} {
		id, err := bob.SendGarbled(ctxFor(t), ana, text)
		if err != nil {
			t.Fatal(err)
		}
		wait(c, 1, func(e *events.UndecryptableMessage) bool { return e.Info.ID == id && !e.IsUnavailable })
		if m := c.text(text); m.Info.ID != id {
			t.Errorf("id = %s, want %s", m.Info.ID, id)
		}
		if _, err := c.SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: proto.String("got it")}); err != nil {
			t.Fatal(err)
		}
	}
	id, err := bob.SendUnavailable(ctxFor(t), ana, "look once", "view_once")
	if err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.UndecryptableMessage) bool { return e.Info.ID == id && e.IsUnavailable })
	if m := c.text("look once"); m.Info.ID != id || m.UnavailableRequestID == "" || m.Info.Chat.User != bob.Number() {
		t.Errorf("message from the phone = %+v", m.Info)
	}
	bob.TellIdentityChange()
	wait(c, 1, func(e *events.IdentityChange) bool { return e.JID == bob.JID() && !e.Implicit })
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
}

func TestScanWithOldApp(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c := connect(t, s, nil)
	code := wait[*events.QR](c, 1, nil).Codes[0]
	if err := ana.ScanWithOldApp(ctxFor(t), code); err != nil {
		t.Fatal(err)
	}
	wait[*events.QRScannedWithoutMultidevice](c, 1, nil)
	if _, err := ana.Scan(ctxFor(t), code); err != nil {
		t.Fatalf("Scan: %v", err)
	}
	wait[*events.AppStateSyncComplete](c, 5, nil)
	if err := ana.ScanWithOldApp(ctxFor(t), code); !errors.Is(err, wasim.ErrSpentCode) {
		t.Errorf("ScanWithOldApp = %v, want %v", err, wasim.ErrSpentCode)
	}
}

// The types that control requests carry.
func TestControlPhones(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	h := s.Control()
	post := func(path string, in any, out any) {
		t.Helper()
		if code := call(t, h, "POST", path, in, out); code != 200 {
			t.Errorf("POST %s = %d", path, code)
		}
	}
	const a, b = "/phones/5511900000001/", "/phones/5511900000002/"
	post(a+"timelock", object{"kind": wasim.LockBulkMessaging, "on": true}, nil)
	wait[*events.NotifyAccountReachoutTimelock](c, 1, nil)
	post(a+"capping", wasim.Capping{Status: "CAPPED"}, nil)
	post(b+"presence", object{"on": true}, nil)
	post(b+"token", object{"to": ana.Number(), "data": []byte("t")}, nil)
	post(b+"holdreceipts", object{"on": false}, nil)
	var reached struct{ Reached int }
	post(b+"typing", object{"to": ana.Number(), "state": "recording"}, &reached)
	var picture struct{ ID string }
	post(b+"picture", object{"data": []byte("x")}, &picture)
	wait(c, 1, func(e *events.Picture) bool { return e.PictureID == picture.ID })
	post(b+"media", object{"to": ana.Number(), "kind": "image", "mime": "image/png", "data": []byte("x")}, nil)
	wait(c, 1, func(m *events.Message) bool { return m.Info.MediaType == "image" })
	var sent struct{ ID string }
	post(b+"garbled", object{"to": ana.Number(), "text": "twice"}, &sent)
	c.text("twice")
	post(a+"mark", object{"kind": "read", "ids": []string{sent.ID}}, nil)
	post(a+"readself", object{"to": bob.Number(), "ids": []string{sent.ID}}, nil)
	wait(c, 1, func(r *events.Receipt) bool { return r.Type == types.ReceiptTypeReadSelf })
	post(a+"contact", object{"to": bob.Number(), "first": "Bob", "name": "Bob B."}, nil)
	wait[*events.Contact](c, 1, nil)
	for _, in := range []object{
		{"kind": "name", "name": "Ana M."}, {"kind": "archive", "on": true}, {"kind": "pin", "on": true}, {"kind": "mute", "on": true},
		{"kind": "read", "on": true}, {"kind": "star", "id": "X", "on": true}, {"kind": "deleteforme", "id": "X"}, {"kind": "clearchat"},
		{"kind": "deletechat"}, {"kind": "label", "id": "1", "name": "New"}, {"kind": "labelchat", "name": "1", "on": true},
		{"kind": "labelmessage", "id": "X", "name": "1", "on": true},
	} {
		in["chat"] = bob.JID().String()
		post(a+"change", in, nil)
	}
	wait[*events.LabelAssociationMessage](c, 1, nil)
	var ring wasim.Call
	post(b+"ring", object{"to": ana.Number()}, &ring)
	post(b+"hangup", object{"to": ana.Number(), "call": ring, "reason": "busy"}, nil)
	wait(c, 1, func(e *events.CallTerminate) bool { return e.CallID == ring.ID })
	post(b+"identity", nil, nil)
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
}

func TestControlGroups(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	h := s.Control()
	post := func(path string, in any, out any) {
		t.Helper()
		if code := call(t, h, "POST", path, in, out); code != 200 {
			t.Errorf("POST %s = %d", path, code)
		}
	}
	var g wasim.GroupState
	post("/groups", object{"by": bob.Number(), "text": "Pigeons", "whom": []string{ana.Number()}}, &g)
	path := "/groups/" + g.JID.User + "/"
	post(path+"text", object{"by": bob.Number(), "text": "hello all"}, nil)
	wait(c, 1, func(m *events.Message) bool { return m.Message.GetConversation() == "hello all" })
	post(path+"subject", object{"by": bob.Number(), "text": "Doves"}, &g)
	if code := call(t, h, "POST", path+"nothing", object{"by": bob.Number()}, nil); code != 400 || g.Subject != "Doves" {
		t.Errorf("unknown change = %d, group %+v", code, g)
	}
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
}
