package wasim_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
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

func TestAppState(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	if err := ana.SetName(ctxFor(t), "Ana Maria"); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.PushNameSetting) bool { return e.Action.GetName() == "Ana Maria" })
	if err := ana.ChangeState(ctxFor(t), appstate.BuildMute(bob.JID(), true, time.Hour)); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.Mute) bool { return e.JID == bob.JID() && e.Action.GetMuted() })
	if err := c.SendAppState(ctxFor(t), appstate.BuildPin(bob.JID(), true)); err != nil {
		t.Errorf("SendAppState: %v", err)
	}
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	ctx := ctxFor(t)
	found, err := c.IsOnWhatsApp(ctx, []string{"+5511900000002", "+5511900000009"})
	if err != nil || len(found) != 2 || !found[0].IsIn || found[1].IsIn {
		t.Errorf("IsOnWhatsApp = %+v, %v", found, err)
	}
	info, err := c.GetUserInfo(ctx, []types.JID{bob.JID()})
	if err != nil || info[bob.JID()].LID != bob.LID() {
		t.Errorf("GetUserInfo = %+v, %v", info, err)
	}
	devices, err := c.GetUserDevices(ctx, []types.JID{ana.JID()})
	if err != nil || len(devices) != 2 || devices[1] != jid {
		t.Errorf("GetUserDevices = %v, %v", devices, err)
	}
	if _, err := c.GetProfilePictureInfo(ctx, bob.JID(), nil); err == nil {
		t.Error("GetProfilePictureInfo: want an error, nobody has a picture")
	}
	if groups, err := c.GetJoinedGroups(ctx); err != nil || len(groups) != 0 {
		t.Errorf("GetJoinedGroups = %v, %v", groups, err)
	}
	if _, err := c.GetBlocklist(ctx); err != nil {
		t.Errorf("GetBlocklist: %v", err)
	}
	if _, err := c.TryFetchPrivacySettings(ctx, true); err != nil {
		t.Errorf("TryFetchPrivacySettings: %v", err)
	}
	if err := c.SendPresence(ctx, types.PresenceAvailable); err != nil {
		t.Errorf("SendPresence: %v", err)
	}
	if v, err := whatsmeow.GetLatestVersion(ctx, s.HTTPClient()); err != nil || v[2] == 0 {
		t.Errorf("GetLatestVersion = %v, %v", v, err)
	}
}

// Each new session takes a one-time key; when few are left the client is told
// and uploads more.
func TestPreKeysAreRefilled(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	_, jid := pair(t, s, ana)
	greedy, _ := pair(t, s, bob)
	ctx := ctxFor(t)
	info, _ := s.Device(jid)
	asked := make([]types.JID, info.PreKeys)
	for i := range asked {
		asked[i] = info.LID
	}
	//lint:ignore SA1019 the only way to ask for many bundles at once
	if _, err := greedy.DangerousInternals().FetchPreKeys(ctx, asked); err != nil {
		t.Fatal(err)
	}
	for {
		changed := s.Changed()
		if info, _ := s.Device(jid); info.PreKeys >= whatsmeow.WantedPreKeyCount {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal("no new keys came")
		}
	}
}

// Enough clients to meet each other in every lock.
func TestManyClients(t *testing.T) {
	t.Parallel()
	const n = 20
	s := start(t, wasim.Config{})
	bob := s.NewPhone("5511900000099", "Bob")
	phones := make([]*wasim.Phone, n)
	clients := make([]*client, n)
	for i := range n {
		phones[i] = s.NewPhone(fmt.Sprintf("55119000001%02d", i), fmt.Sprint("Phone ", i))
	}
	var wg sync.WaitGroup
	for i := range n {
		clients[i] = connect(t, s, nil)
		wg.Go(func() {
			qr := wait[*events.QR](clients[i], 1, nil)
			if _, err := phones[i].Scan(ctxFor(t), qr.Codes[0]); err != nil {
				t.Errorf("Scan %d: %v", i, err)
			}
			wait[*events.Connected](clients[i], 1, nil)
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for i := range n {
		wg.Go(func() {
			for k := range 10 {
				if _, err := bob.SendText(ctxFor(t), phones[i], fmt.Sprint("text ", k)); err != nil {
					t.Errorf("SendText: %v", err)
				}
			}
			text := fmt.Sprint("from ", i)
			if _, err := clients[i].SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: &text}); err != nil {
				t.Errorf("SendMessage: %v", err)
			}
			for k := range 10 {
				clients[i].text(fmt.Sprint("text ", k))
			}
		})
	}
	wg.Wait()
	if in, err := bob.WaitInbox(ctxFor(t), n); err != nil {
		t.Errorf("bob's inbox has %d, want %d: %v", len(in), n, err)
	}
	for i, c := range clients {
		if got := count[*events.Message](c) - peerMessages(c); got != 10 {
			t.Errorf("client %d got %d texts, want 10", i, got)
		}
		// Not an error: whatsmeow reads, changes and writes a session without a
		// lock, so a message that is sent and one that arrives in the same moment
		// can lose each other's session. The retry has healed it by now.
		if got := count[*events.UndecryptableMessage](c); got != 0 {
			t.Logf("client %d asked again for %d messages", i, got)
		}
	}
}

// peerMessages counts the messages from the own phone (keys).
func peerMessages(c *client) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, e := range c.seen {
		if m, ok := e.(*events.Message); ok && m.Info.IsFromMe {
			n++
		}
	}
	return n
}
