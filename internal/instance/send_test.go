package instance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/problem"
	"pombal/internal/wasim"
)

// sending is a house with a linked instance and somebody to write to.
type sending struct {
	*instancetest.House
	id    string
	phone *wasim.Phone
	nina  *wasim.Phone
}

func newSending(t *testing.T, opts instancetest.Options) sending {
	t.Helper()
	h := instancetest.New(t, opts)
	s := sending{
		House: h, id: h.Create("shop").ID,
		phone: h.Network.NewPhone("5511987650001", "Shop Front"), nina: h.Network.NewPhone("5521998880002", "Nina"),
	}
	h.Pair(s.id, s.phone)
	// Comes with the account's settings, a moment after the connection.
	h.Until("the account's name", func() bool { return h.Get(s.id).WhatsApp.PushName == "Shop Front" })
	return s
}

func (s sending) send(ctx context.Context, text string) (instance.Sent, error) {
	return s.Manager.SendText(ctx, s.id, instance.SendTextParams{To: s.nina.Number(), Text: text})
}

func (s sending) mustSend(text string) instance.Sent {
	s.T.Helper()
	sent, err := s.send(context.Background(), text)
	if err != nil {
		s.T.Fatal(err)
	}
	return sent
}

func (s sending) ofTypes(types ...event.Type) []event.Event {
	s.T.Helper()
	return slices.DeleteFunc(s.Events(s.id), func(ev event.Event) bool { return !slices.Contains(types, ev.Type) })
}

// data reads the data of an event.
func data[T any](t *testing.T, ev event.Event) T {
	t.Helper()
	var body struct {
		Data T `json:"data"`
	}
	if err := json.Unmarshal(ev.Body, &body); err != nil {
		t.Fatal(err)
	}
	return body.Data
}

func TestSendText(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	sent := s.mustSend(" order ready ")
	ctx := shortly(t)
	inbox, err := s.nina.WaitInbox(ctx, 1)
	if err != nil || inbox[0].Text != "order ready" || inbox[0].ID != sent.KeyID {
		t.Fatalf("inbox = %+v, %v; sent %+v", inbox, err, sent)
	}
	if !strings.HasPrefix(sent.KeyID, "3EB0") || len(sent.KeyID) != 22 || sent.Timestamp.IsZero() {
		t.Errorf("sent = %+v", sent)
	}
	if err := s.nina.Read(ctx, sent.KeyID); err != nil {
		t.Fatal(err)
	}
	all := []event.Type{event.ChatsUpsert, event.SendMessage, event.MessagesUpsert, event.MessagesUpdate}
	s.Until("the read receipt", func() bool {
		list := s.ofTypes(event.MessagesUpdate)
		return len(list) > 0 && data[event.StatusData](t, list[len(list)-1]).Status == "READ"
	})
	var got []string
	for _, ev := range s.ofTypes(all...) {
		what := string(ev.Type)
		switch ev.Type {
		case event.MessagesUpdate:
			status := data[event.StatusData](t, ev)
			what += " " + status.Status
			if status.MessageMessageID == nil || *status.MessageMessageID != sent.MessageID || status.KeyID != sent.KeyID {
				t.Errorf("%s is about %v %s, want %s", what, status.MessageMessageID, status.KeyID, sent.MessageID)
			}
		case event.SendMessage, event.MessagesUpsert:
			d := data[event.SentData](t, ev)
			if d.MessageID != sent.MessageID || d.KeyID != sent.KeyID || !d.KeyFromMe || d.Source != "api" || d.PushName != "Shop Front" {
				t.Errorf("%s = %+v", what, d)
			}
		}
		got = append(got, what)
	}
	want := []string{"chatsUpsert", "messagesUpsert", "sendMessage", "messagesUpdate SERVER_ACK", "messagesUpdate DELIVERY_ACK", "messagesUpdate READ"}
	if !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

// A number the network writes in another way, LIDs, groups, quotes.
func TestSendTextToEveryKindOfAddress(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	group := s.nina.NewGroup("Crew", s.phone)
	s.Until("the group", func() bool { return len(s.ofTypes(event.GroupsUpsert)) == 1 })
	for i, to := range []string{"+55 21 99888-0002", s.nina.JID().String(), s.nina.LID().String(), group.JID().String()} {
		sent, err := s.Manager.SendText(context.Background(), s.id, instance.SendTextParams{
			To: to, Text: fmt.Sprint("text ", i), Quote: &instance.Quote{KeyID: "3EB0AA", Text: "what was said"},
		})
		if err != nil {
			t.Fatalf("to %s: %v", to, err)
		}
		want := s.nina.JID().String()
		if i == 3 {
			want = group.JID().String()
		}
		if d := sent.Data; d.KeyRemoteJID != want || d.ContentType != "extendedTextMessage" || d.IsGroup != (i == 3) ||
			d.IsGroup && (d.KeyParticipant == nil || *d.KeyParticipant != s.phone.JID().String()) {
			t.Errorf("to %s: %+v", to, d)
		}
		if !strings.Contains(string(sent.Data.Content), `"quotedMessage":{"conversation":"what was said"}`) {
			t.Errorf("content = %s", sent.Data.Content)
		}
	}
	ctx := shortly(t)
	if inbox, err := s.nina.WaitInbox(ctx, 4); err != nil || inbox[3].Text != "text 3" {
		t.Errorf("inbox = %+v, %v", inbox, err)
	}
	if n := len(s.ofTypes(event.ChatsUpsert)); n != 2 {
		t.Errorf("%d chats, want the group's and Nina's", n)
	}
}

func TestSendTextRefusals(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	_, err := s.Manager.SendText(context.Background(), s.id, instance.SendTextParams{To: "5521900000000", Text: "x"})
	if !errors.Is(err, instance.ErrNotOnWhatsApp) {
		t.Errorf("to nobody: %v", err)
	}
	p := instance.SendTextParams{To: s.nina.Number(), Text: "x", ID: "order-000551"}
	if _, err := s.Manager.SendText(context.Background(), s.id, p); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Manager.SendText(context.Background(), s.id, p); problem.KindOf(err) != problem.Conflict {
		t.Errorf("the same id again: %v, want Conflict", err)
	}
	if _, err := s.Manager.SendText(context.Background(), "nobody", p); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("unknown instance: %v", err)
	}
	if n := len(s.ofTypes(event.SendMessage)); n != 1 {
		t.Errorf("%d messages recorded, want 1", n)
	}
	other := s.Create("other").ID
	if _, err := s.Manager.SendText(context.Background(), other, p); !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("not linked: %v", err)
	}
	if err := s.Network.Stop(); err != nil {
		t.Fatal(err)
	}
	s.Phase(s.id, instance.PhaseReconnecting)
	if _, err := s.send(context.Background(), "x"); !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("offline: %v", err)
	}
}

// Refusal 463 is said as what it is and holds back further messages to new
// people, not those to people there is a chat with.
func TestSendTextWhileReachOutIsLocked(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	otto := s.Network.NewPhone("4915112340003", "Otto")
	s.mustSend("a chat")
	s.Network.SetFaults(wasim.Faults{SendError: 463})
	toOtto := func() *problem.Error {
		_, err := s.Manager.SendText(context.Background(), s.id, instance.SendTextParams{To: otto.Number(), Text: "x"})
		return problem.As(err)
	}
	for range 2 {
		err := toOtto()
		if err == nil || err.Kind != problem.TooMany || err.Text.Key != "error.reachout_locked" || err.RetryAfter < 23*time.Hour {
			t.Fatalf("463: %+v", err)
		}
		s.Network.SetFaults(wasim.Faults{}) // the second time WhatsApp is not asked
	}
	s.mustSend("still a chat")
	if n := len(otto.Inbox()); n != 0 {
		t.Errorf("Otto got %d messages", n)
	}
	s.Network.SetFaults(wasim.Faults{SendError: 479})
	if _, err := s.send(context.Background(), "x"); problem.As(err) == nil || problem.As(err).Text.Key != "error.send_refused" {
		t.Errorf("479: %v", err)
	}
	if n := len(s.ofTypes(event.SendMessage)); n != 2 {
		t.Errorf("%d messages recorded, want 2", n)
	}
}

func TestSendTextOrderAndPace(t *testing.T) {
	t.Parallel()
	pace := instancetest.QuickPace()
	pace.Every, pace.Burst = 30*time.Millisecond, 2
	s := newSending(t, instancetest.Options{Pace: pace})
	const n = 12
	start := time.Now()
	for i := range n {
		s.mustSend(fmt.Sprint(i))
	}
	if took := time.Since(start); took < (n-2)*pace.Every*9/10 {
		t.Errorf("%d messages went out in %v", n, took)
	}
	ctx := shortly(t)
	inbox, err := s.nina.WaitInbox(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	for i, in := range inbox {
		if in.Text != fmt.Sprint(i) {
			t.Errorf("message %d is %q", i, in.Text)
		}
	}
}

// A caller who gives up gets an answer at once; the way out is free again once
// WhatsApp's time is over; the state of the instance goes on changing meanwhile.
func TestSendTextCallerGivesUp(t *testing.T) {
	t.Parallel()
	pace := instancetest.QuickPace()
	pace.Limit = 4 * time.Second // each message has it, on a slow machine too
	s := newSending(t, instancetest.Options{Pace: pace})
	s.mustSend("a chat")
	s.Network.SetFaults(wasim.Faults{SilentSend: true})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		_, err := s.send(ctx, "lost")
		answer <- err
	}()
	if err := s.Network.WaitSwallowed(shortly(t), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	// Had it waited for WhatsApp, its deadline would be why.
	if err := <-answer; problem.As(err) == nil || problem.As(err).Text.Key != "error.send_unknown" || !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if _, err := s.Manager.Rename(context.Background(), s.id, "renamed", 0); err != nil {
		t.Errorf("rename while a message is under way: %v", err)
	}
	s.Network.SetFaults(wasim.Faults{})
	for deadline := time.Now().Add(patience); s.Manager.Sending(s.id); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the way out stays taken")
		}
	}
	s.mustSend("found")
	if n := len(s.ofTypes(event.SendMessage)); n != 2 {
		t.Errorf("%d messages recorded, want 2", n)
	}
	cancelled, stop := context.WithCancel(context.Background())
	stop()
	if _, err := s.send(cancelled, "never"); err == nil {
		t.Error("a cancelled call sent")
	}
	if inbox := s.nina.Inbox(); len(inbox) != 2 {
		t.Errorf("inbox = %+v", inbox)
	}
}

func TestStopEndsAMessageUnderWay(t *testing.T) {
	t.Parallel()
	pace := instancetest.QuickPace()
	pace.Grace, pace.Limit = 50*time.Millisecond, 10*patience
	s := newSending(t, instancetest.Options{Pace: pace})
	s.mustSend("a chat")
	s.Network.SetFaults(wasim.Faults{SilentSend: true})
	answer := make(chan error, 1)
	go func() {
		_, err := s.send(context.Background(), "lost")
		answer <- err
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Network.WaitSwallowed(ctx, 1); err != nil {
		t.Fatalf("the message never came to the network: %v", err)
	}
	start := time.Now()
	s.Stop()
	if took := time.Since(start); took > patience { // the library gives up later
		t.Errorf("stopping took %v", took)
	}
	if err := <-answer; err == nil {
		t.Error("a message nobody answered counts as sent")
	}
}
