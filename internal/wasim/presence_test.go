package wasim_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"pombal/internal/wasim"
)

func TestMarks(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	eva := s.NewPhone("5511900000003", "Eva")
	c, jid := pair(t, s, ana)
	bob.HoldReceipts(true)
	var ids []string
	for _, text := range []string{"one", "two", "three"} {
		resp, err := c.SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: &text})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, resp.ID)
	}
	if _, err := bob.WaitInbox(ctxFor(t), 3); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	if got := count[*events.Receipt](c); got != 0 {
		t.Errorf("receipts = %d, want 0 while they are held", got)
	}
	for _, kind := range []string{wasim.MarkDelivered, wasim.MarkRead, wasim.MarkPlayed} {
		if err := bob.Mark(ctxFor(t), kind, ids...); err != nil {
			t.Fatalf("Mark %q: %v", kind, err)
		}
		wait(c, 1, func(r *events.Receipt) bool { return string(r.Type) == kind && slices.Equal(r.MessageIDs, ids) })
	}
	if err := bob.Mark(ctxFor(t), wasim.MarkRead, "nonsense"); !errors.Is(err, wasim.ErrUnknownMessage) {
		t.Errorf("Mark = %v, want %v", err, wasim.ErrUnknownMessage)
	}
	other, err := eva.SendText(ctxFor(t), bob, "hi")
	if err != nil {
		t.Fatal(err)
	}
	if err := bob.Mark(ctxFor(t), wasim.MarkRead, ids[0], other); !errors.Is(err, wasim.ErrMixedMessages) {
		t.Errorf("Mark = %v, want %v", err, wasim.ErrMixedMessages)
	}
	id := acked(t, s, eva, ana, "read me")
	if err := ana.ReadSelf(ctxFor(t), eva, id); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(r *events.Receipt) bool {
		return r.Type == types.ReceiptTypeReadSelf && r.IsFromMe && r.Chat == eva.LID() && r.MessageIDs[0] == id
	})
}

func TestPresenceAndTyping(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	bob.SetPresence(true, time.Time{})
	if n := bob.SetTyping(ana, wasim.Composing); n != 0 {
		t.Errorf("SetTyping reached %d devices, want 0: nobody has subscribed", n)
	}
	if err := c.SendPresence(ctxFor(t), types.PresenceAvailable); err != nil {
		t.Fatal(err)
	}
	if err := c.SubscribePresence(ctxFor(t), bob.JID()); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.Presence) bool { return e.From == bob.JID() && !e.Unavailable })
	if got := s.Presence(jid); got != "available" || !s.Subscribed(jid, bob) {
		t.Errorf("presence = %q, subscribed %v", got, s.Subscribed(jid, bob))
	}
	last := time.Unix(1_700_000_000, 0)
	bob.SetPresence(false, last)
	wait(c, 1, func(e *events.Presence) bool { return e.Unavailable && e.LastSeen.Equal(last) })
	bob.SetPresence(false, time.Time{})
	wait(c, 1, func(e *events.Presence) bool { return e.Unavailable && e.LastSeen.IsZero() })
	for _, tc := range []struct {
		do    wasim.Typing
		state types.ChatPresence
		media types.ChatPresenceMedia
	}{
		{wasim.Composing, types.ChatPresenceComposing, types.ChatPresenceMediaText},
		{wasim.Recording, types.ChatPresenceComposing, types.ChatPresenceMediaAudio},
		{wasim.Paused, types.ChatPresencePaused, types.ChatPresenceMediaText},
	} {
		if n := bob.SetTyping(ana, tc.do); n != 1 {
			t.Errorf("SetTyping(%s) reached %d devices, want 1", tc.do, n)
		}
		wait(c, 1, func(e *events.ChatPresence) bool {
			return e.Sender.User == bob.Number() && e.State == tc.state && e.Media == tc.media
		})
	}
	if err := c.SendChatPresence(ctxFor(t), bob.JID(), types.ChatPresenceComposing, types.ChatPresenceMediaAudio); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetBlocklist(ctxFor(t)); err != nil { // stanzas are handled in order
		t.Fatal(err)
	}
	want := wasim.ChatState{From: jid, State: wasim.Recording}
	if got := bob.ChatStates(); len(got) != 1 || got[0] != want {
		t.Errorf("chat states = %+v, want %+v", got, want)
	}
}

func TestTimeLock(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob, eva := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob"), s.NewPhone("5511900000003", "Eva")
	c, jid := pair(t, s, ana)
	send := func(to *wasim.Phone) error {
		_, err := c.SendMessage(ctxFor(t), to.JID(), &waE2E.Message{Conversation: proto.String("hello")})
		return err
	}
	acked(t, s, bob, ana, "an old chat")
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	if err := ana.TimeLock(until, wasim.LockWebCompanion, true); err != nil {
		t.Fatal(err)
	}
	lock := wait[*events.NotifyAccountReachoutTimelock](c, 1, nil)
	if !lock.IsActive || lock.EnforcementType != wasim.LockWebCompanion || !lock.TimeEnforcementEnds.Equal(until) {
		t.Errorf("time lock = %+v, want until %v", lock, until)
	}
	if err := send(bob); err != nil {
		t.Errorf("SendMessage in an old chat: %v", err)
	}
	if err := send(eva); !errors.Is(err, whatsmeow.ErrServerReturnedError) || !strings.Contains(err.Error(), "463") {
		t.Errorf("SendMessage to somebody new = %v, want server error 463", err)
	}
	eva.GiveToken(ana, []byte("token of Eva"))
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	if err := send(eva); err != nil {
		t.Errorf("SendMessage with a token: %v", err)
	}
	if err := ana.TimeLock(time.Time{}, wasim.LockWebCompanion, false); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.NotifyAccountReachoutTimelock) bool {
		return !e.IsActive && e.TimeEnforcementEnds.IsZero()
	})
	if err := send(s.NewPhone("5511900000004", "Rui")); err != nil {
		t.Errorf("SendMessage after the lock: %v", err)
	}
	if err := ana.CapNewChats(wasim.Capping{Status: "CAPPED", Used: 5, Total: 5, CycleEnd: until}); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
}

// The client issues a token after its first message to somebody.
func TestTokensOfTheClient(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, _ := pair(t, s, ana)
	if _, err := c.SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: proto.String("hello")}); err != nil {
		t.Fatal(err)
	}
	ctx := ctxFor(t)
	for {
		changed := s.Changed()
		if got := ana.IssuedTokens(); len(got) == 1 && got[0].To == bob.LID() && got[0].Type == "trusted_contact" {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("tokens = %+v, want one for %v", ana.IssuedTokens(), bob.LID())
		}
	}
}
