package wasim_test

import (
	"fmt"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"pombal/internal/wasim"
)

// acked sends a text to ana's companions and waits for their answers.
func acked(t *testing.T, s *wasim.Server, from, to *wasim.Phone, text string) string {
	t.Helper()
	id, err := from.SendText(ctxFor(t), to, text)
	if err != nil {
		t.Fatalf("SendText: %v", err)
	}
	if err := s.WaitAcked(ctxFor(t), id); err != nil {
		t.Fatalf("WaitAcked %q: %v", text, err)
	}
	return id
}

func TestInbound(t *testing.T) {
	t.Parallel()
	for _, byLID := range []bool{false, true} {
		t.Run(fmt.Sprintf("byLID=%v", byLID), func(t *testing.T) {
			t.Parallel()
			s := start(t, wasim.Config{AddressByLID: byLID})
			ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
			c, jid := pair(t, s, ana)
			for i := range 3 { // pkmsg first, and again until the client has written
				text := fmt.Sprint("message ", i)
				id := acked(t, s, bob, ana, text)
				m := c.text(text)
				if m.Info.ID != id || m.Info.PushName != "Bob" || m.Info.IsFromMe {
					t.Errorf("message = %+v, want id %s from Bob", m.Info, id)
				}
				user := bob.Number()
				if byLID {
					user = bob.LID().User
				}
				if m.Info.Sender.User != user {
					t.Errorf("sender = %v, want user %s", m.Info.Sender, user)
				}
				if got := s.Acks(id); got != 1 {
					t.Errorf("acks = %d, want 1", got)
				}
			}
			if got := s.Pending(jid); got != 0 {
				t.Errorf("pending = %d, want 0", got)
			}
			// The phone has got them too, and a delivery receipt for each.
			if in, err := ana.WaitInbox(ctxFor(t), 3); err != nil || in[0].Text != "message 0" {
				t.Errorf("phone's inbox = %v, %v", in, err)
			}
			if r, err := bob.WaitReceipts(ctxFor(t), 3); err != nil || r[0].Type != "inactive" || r[0].From != jid {
				t.Errorf("receipts = %v, %v", r, err)
			}
		})
	}
}

// After an answer of the client the session is confirmed and the phone goes on
// with plain messages instead of pkmsg.
func TestConversation(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	acked(t, s, bob, ana, "one")
	resp, err := c.SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: proto.String("two")})
	if err != nil {
		t.Fatalf("SendMessage: %v", err)
	}
	in, err := bob.WaitInbox(ctxFor(t), 1)
	if err != nil || in[0].Text != "two" || in[0].ID != resp.ID || in[0].From != jid {
		t.Fatalf("bob's inbox = %+v, %v", in, err)
	}
	copies, err := ana.WaitCopies(ctxFor(t), 1)
	if err != nil || copies[0].Text != "two" || copies[0].To != bob.JID() {
		t.Errorf("ana's copies = %+v, %v", copies, err)
	}
	wait(c, 1, func(r *events.Receipt) bool {
		return r.Type == types.ReceiptTypeDelivered && r.MessageIDs[0] == resp.ID
	})
	if err := bob.Read(ctxFor(t), resp.ID); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(r *events.Receipt) bool { return r.Type == types.ReceiptTypeRead && r.MessageIDs[0] == resp.ID })
	acked(t, s, bob, ana, "three")
	c.text("three")
	if bob.Failures()+ana.Failures() != 0 {
		t.Error("a phone could not decrypt")
	}
	if got := count[*events.UndecryptableMessage](c); got != 0 {
		t.Errorf("undecryptable = %d, want 0", got)
	}
}

func TestInboundWhileOffline(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	c.Disconnect()
	if err := s.WaitOffline(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	var last string
	for i := range 3 {
		id, err := bob.SendText(ctxFor(t), ana, fmt.Sprint("later ", i))
		if err != nil {
			t.Fatal(err)
		}
		last = id
	}
	if got := s.Pending(jid); got != 3 {
		t.Errorf("pending = %d, want 3", got)
	}
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	preview := wait(c, 1, func(p *events.OfflineSyncPreview) bool { return p.Messages == 3 })
	if preview.Total < 3 {
		t.Errorf("preview = %+v", preview)
	}
	c.text("later 2")
	wait(c, 1, func(e *events.OfflineSyncCompleted) bool { return e.Count >= 3 })
	if err := s.WaitAcked(ctxFor(t), last); err != nil {
		t.Fatal(err)
	}
	if got := s.Pending(jid); got != 0 {
		t.Errorf("pending = %d, want 0", got)
	}
}

// What a phone sends reaches its own companions as a copy.
func TestOwnPhoneMessage(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, _ := pair(t, s, ana)
	acked(t, s, ana, bob, "from my phone")
	m := c.text("from my phone")
	if !m.Info.IsFromMe || m.Info.Chat != bob.LID() || m.Info.RecipientAlt != bob.JID() {
		t.Errorf("message = %+v, want mine, in the chat %v", m.Info.MessageSource, bob.LID())
	}
	if in, err := bob.WaitInbox(ctxFor(t), 1); err != nil || in[0].Text != "from my phone" {
		t.Errorf("bob's inbox = %+v, %v", in, err)
	}
}

func TestTwoClientsTalk(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	a, _ := pair(t, s, ana)
	b, _ := pair(t, s, bob)
	for i := range 3 {
		text := fmt.Sprint("ping ", i)
		if _, err := a.SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: &text}); err != nil {
			t.Fatal(err)
		}
		b.text(text)
		back := fmt.Sprint("pong ", i)
		if _, err := b.SendMessage(ctxFor(t), ana.JID(), &waE2E.Message{Conversation: &back}); err != nil {
			t.Fatal(err)
		}
		a.text(back)
	}
}

// A second companion gets what the first one sends, also when the first one's
// list of devices is older than the second: the hash in the ack renews it.
func TestDevicesOfOneAccount(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	one, _ := pair(t, s, ana)
	send := func(text string) {
		t.Helper()
		if _, err := one.SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: &text}); err != nil {
			t.Fatal(err)
		}
	}
	send("before")
	two, _ := pair(t, s, ana)
	send("while the list is old")
	send("after")
	m := two.text("after")
	if !m.Info.IsFromMe || m.Info.Chat != bob.LID() {
		t.Errorf("copy = %+v", m.Info.MessageSource)
	}
	acked(t, s, bob, ana, "to both")
	one.text("to both")
	two.text("to both")
}
