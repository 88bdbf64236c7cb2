package wasim_test

import (
	"context"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"pombal/internal/wasim"
)

// A handler that returns false leaves the message unanswered; it comes again
// after a reconnect, and the decrypted-event buffer serves the plaintext.
func TestRedeliveryAfterFailedHandler(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	refused := make(chan struct{}, 8)
	c.mu.Lock()
	c.accept = func(*events.Message) bool { refused <- struct{}{}; return false }
	c.mu.Unlock()
	id, err := bob.SendText(ctxFor(t), ana, "keep this")
	if err != nil {
		t.Fatal(err)
	}
	<-refused
	if got := s.Acks(id); got != 0 {
		t.Errorf("acks = %d, want 0", got)
	}
	if got := s.Pending(jid); got != 1 {
		t.Errorf("pending = %d, want 1", got)
	}
	c.mu.Lock()
	c.accept = nil
	c.mu.Unlock()
	c.Disconnect()
	if err := s.WaitOffline(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	if m := c.text("keep this"); m.Info.ID != id {
		t.Errorf("id = %s, want %s", m.Info.ID, id)
	}
	if err := s.WaitAcked(ctxFor(t), id); err != nil {
		t.Fatal(err)
	}
	if got := s.Acks(id); got != 1 {
		t.Errorf("acks = %d, want 1", got)
	}
}

// The phone's store is damaged on purpose by sending with a session the client
// has lost: the client asks again and gets it.
func TestUndecryptableThenRetry(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, _ := pair(t, s, ana)
	acked(t, s, bob, ana, "one")
	// An answer confirms the session, so that the next message is a plain one.
	if _, err := c.SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: proto.String("two")}); err != nil {
		t.Fatal(err)
	}
	addr := bob.LID().SignalAddress().String()
	if err := c.dev.Sessions.DeleteSession(context.Background(), addr); err != nil {
		t.Fatal(err)
	}
	id := acked(t, s, bob, ana, "three")
	wait(c, 1, func(u *events.UndecryptableMessage) bool { return u.Info.ID == id })
	c.text("three")
}

// The other way round: a phone that has lost its sessions asks the client again.
func TestPhoneAsksAgain(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	acked(t, s, bob, ana, "one")
	if _, err := c.SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: proto.String("two")}); err != nil {
		t.Fatal(err)
	}
	acked(t, s, bob, ana, "three")
	bob.ForgetSessions()
	ana.ForgetSessions()
	if _, err := c.SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: proto.String("four")}); err != nil {
		t.Fatal(err)
	}
	if in, err := bob.WaitInbox(ctxFor(t), 2); err != nil || in[1].Text != "four" || in[1].From != jid {
		t.Errorf("bob's inbox = %+v, %v", in, err)
	}
	if got, err := ana.WaitCopies(ctxFor(t), 2); err != nil || got[1].Text != "four" || got[1].To != bob.JID() {
		t.Errorf("ana's copies = %+v, %v", got, err)
	}
	if bob.Failures() == 0 || ana.Failures() == 0 {
		t.Error("nothing was lost: the test shows nothing")
	}
}
