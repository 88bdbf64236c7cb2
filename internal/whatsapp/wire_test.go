package whatsapp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

// dataOf reads the data of a recorded event.
func dataOf[T any](t *testing.T, ev event.Event) T {
	t.Helper()
	var body struct {
		Data T `json:"data"`
	}
	if err := json.Unmarshal(ev.Body, &body); err != nil {
		t.Fatal(err)
	}
	return body.Data
}

// itemsOf gathers the items of all recorded events of a type.
func itemsOf[T any](t *testing.T, r *rig, typ event.Type) (items []T, bodies []int) {
	t.Helper()
	for _, ev := range r.recorded(typ) {
		list := dataOf[[]T](t, ev)
		items = append(items, list...)
		bodies = append(bodies, len(ev.Body))
		if len(list) > 200 || len(ev.Body) > 256<<10 {
			t.Errorf("%s: a body with %d items and %d bytes", typ, len(list), len(ev.Body))
		}
	}
	return items, bodies
}

// manyChats are chats with numbers of their own.
func manyChats(n, messages int, text string) []wasim.HistoryChat {
	chats := make([]wasim.HistoryChat, n)
	for i := range chats {
		chats[i] = wasim.HistoryChat{JID: types.NewJID(fmt.Sprintf("49151%08d", i), types.DefaultUserServer)}
		for j := range messages {
			chats[i].Messages = append(chats[i].Messages, wasim.HistoryMessage{
				ID: fmt.Sprintf("3A%09d%09d", i, j), FromMe: j%2 == 1, Text: text, Time: time.Unix(1767225600+int64(j), 0),
			})
		}
	}
	return chats
}

func TestHistoryOf500Conversations(t *testing.T) {
	t.Parallel()
	r := newRig(t, instancetest.Options{}, event.ChatsSet, event.MessagesSet)
	r.link()
	text := strings.Repeat("a note with some length & <tags> ", 12)
	r.must(r.phone.SendHistory(context.Background(), wasim.HistoryOptions{Kind: "RECENT", Chunks: 2, Chats: manyChats(500, 4, text)}))
	r.eventually("all messages", func() bool {
		items, _ := itemsOf[event.MessageData](t, r, event.MessagesSet)
		return len(items) >= 2000
	})
	chats, _ := itemsOf[event.ChatData](t, r, event.ChatsSet)
	seen := make(map[string]bool)
	for _, c := range chats {
		if seen[c.RemoteJID] || seen[c.ChatID] {
			t.Fatalf("chat %+v came twice", c)
		}
		seen[c.RemoteJID], seen[c.ChatID] = true, true
	}
	if len(chats) != 500 {
		t.Errorf("%d chats, want 500", len(chats))
	}
	messages, bodies := itemsOf[event.MessageData](t, r, event.MessagesSet)
	ids := make(map[string]bool)
	for _, m := range messages {
		ids[m.KeyID] = true
		if !strings.Contains(string(m.Content), "some length") || m.MessageTimestamp < 1767225600 {
			t.Fatalf("message %+v", m)
		}
	}
	if len(ids) != 2000 || len(bodies) < 5 {
		t.Errorf("%d different messages in %d bodies, want 2000", len(ids), len(bodies))
	}
	if n := len(r.recorded(event.ChatsUpsert)); n != 0 {
		t.Errorf("%d chats.upsert for chats of the past", n)
	}
	// A chat that came with the history is not new when somebody writes.
	r.must(r.phone.SendHistory(context.Background(), wasim.HistoryOptions{Kind: "RECENT", Chats: []wasim.HistoryChat{{JID: r.nina.JID()}}}))
	r.eventually("Nina's chat", func() bool {
		known, err := r.Store.ChatKnown(context.Background(), r.in.ID, event.Party{JID: r.nina.JID().String()})
		return err == nil && known
	})
	send(r, "hello")
	r.eventually("the message", func() bool { return len(r.recorded(event.MessagesUpsert)) == 1 })
	if n := len(r.recorded(event.ChatsUpsert)); n != 0 {
		t.Errorf("%d chats.upsert for a chat that is known", n)
	}
}

// logBook keeps the lines of a log.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBook) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.buf.String(), text)
}

// A history that inflates beyond the limit is refused with a line in the log;
// the next one is taken.
func TestHistoryThatIsTooLarge(t *testing.T) {
	t.Parallel()
	var book logBook
	r := newRig(t, instancetest.Options{Log: slog.New(slog.NewTextHandler(&book, nil))}, event.ChatsSet)
	r.link()
	r.must(r.phone.SendHistory(context.Background(), wasim.HistoryOptions{Kind: "RECENT", Chats: manyChats(1, 1, "x"), InflateTo: 65 << 20}))
	r.eventually("the line in the log", func() bool { return book.has("the history is too large") })
	if n := len(r.recorded(event.ChatsSet)); n != 0 {
		t.Errorf("%d events of a history that was refused", n)
	}
	r.must(r.phone.SendHistory(context.Background(), wasim.HistoryOptions{Kind: "RECENT", Chats: manyChats(3, 1, "x")}))
	r.eventually("the next history", func() bool {
		items, _ := itemsOf[event.ChatData](t, r, event.ChatsSet)
		return len(items) == 3
	})
}

// With the choice "none" nothing of the past is told, and FULL needs to be
// asked for.
func TestHistoryChoices(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		choice instance.History
		kind   string
		chats  int
	}{
		{instance.HistoryNone, "RECENT", 0}, {"recent", "RECENT", 2}, {instance.HistoryRecent, "FULL", 0}, {instance.HistoryFull, "FULL", 2},
	} {
		t.Run(string(tc.choice)+" "+tc.kind, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, instancetest.Options{}, event.ChatsSet, event.ChatsUpsert)
			_, err := r.Manager.SetHistory(context.Background(), r.in.ID, tc.choice)
			r.must(err)
			r.link()
			r.must(r.phone.SendHistory(context.Background(), wasim.HistoryOptions{Kind: tc.kind, Chats: manyChats(2, 1, "x")}))
			// Histories are taken one after the other, and once it is told of each
			// that was fetched is deleted from the server. The last one is empty.
			r.must(r.phone.SendHistory(context.Background(), wasim.HistoryOptions{Kind: "RECENT"}))
			fetched := 2
			if tc.kind == "FULL" && tc.choice != instance.HistoryFull {
				fetched = 1
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			r.must(r.Network.WaitDeletedMedia(ctx, fetched))
			if items, _ := itemsOf[event.ChatData](t, r, event.ChatsSet); len(items) != tc.chats {
				t.Errorf("%d chats, want %d", len(items), tc.chats)
			}
		})
	}
	h := instancetest.New(t, instancetest.Options{})
	if _, err := h.Manager.SetHistory(context.Background(), h.Create("x").ID, "everything"); err == nil {
		t.Error("an unknown choice was taken")
	}
}

// statuses lists what messages.update said, oldest first.
func statuses(t *testing.T, r *rig) []event.StatusData {
	t.Helper()
	var list []event.StatusData
	for _, ev := range r.recorded(event.MessagesUpdate) {
		list = append(list, dataOf[event.StatusData](t, ev))
	}
	return list
}

// Receipts: one event for each id, our own devices' are none, the second device
// of a person tells nothing new, and what the phone sent is found as well.
func TestReceipts(t *testing.T) {
	t.Parallel()
	r := newRig(t, instancetest.Options{})
	r.link()
	ctx := context.Background()
	fromPhone, err := r.phone.SendText(ctx, r.nina, "from the phone")
	r.must(err)
	r.eventually("the copy", func() bool { return len(r.recorded(event.MessagesUpsert)) == 1 })
	sent := sendOut(r)
	r.must(r.nina.Mark(ctx, wasim.MarkRead, fromPhone, sent.KeyID))
	r.must(r.nina.Mark(ctx, wasim.MarkRead, sent.KeyID)) // again
	r.must(r.nina.Mark(ctx, wasim.MarkPlayed, sent.KeyID))
	incoming := send(r, "hello")
	r.eventually("the message", func() bool { return len(r.recorded(event.MessagesUpsert)) == 3 })
	r.must(r.phone.ReadSelf(ctx, r.nina, incoming))
	r.must(r.nina.Mark(ctx, "server-error", sent.KeyID))
	r.eventually("the last receipt", func() bool {
		list := statuses(t, r)
		return len(list) > 0 && list[len(list)-1].Status == "ERROR"
	})
	copied := dataOf[event.MessageData](t, r.recorded(event.MessagesUpsert)[0])
	if !copied.KeyFromMe || copied.KeyRemoteJID != nina || copied.KeyRemoteLID != r.nina.LID().String() {
		t.Errorf("the copy is %+v", copied)
	}
	var got []string
	for _, s := range statuses(t, r) {
		which := "?"
		switch id := s.MessageMessageID; {
		case id != nil && *id == copied.MessageID:
			which = "phone"
		case id != nil && *id == sent.MessageID:
			which = "api"
		}
		got = append(got, s.Status+" "+which)
	}
	want := []string{"SERVER_ACK api", "DELIVERY_ACK api", "READ phone", "READ api", "PLAYED api", "ERROR api"}
	if !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
}

// In groups each member tells for itself.
func TestGroupReceiptsAndMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t, instancetest.Options{})
	r.link()
	ctx := context.Background()
	otto := r.Network.NewPhone("4915112340003", "Otto")
	group := r.nina.NewGroup("Crew", r.phone, otto)
	r.eventually("the group", func() bool { return len(r.recorded(event.GroupsUpsert)) == 1 })
	_, err := r.nina.SendGroupText(ctx, group, "hello all")
	r.must(err)
	r.eventually("the message", func() bool { return len(r.recorded(event.MessagesUpsert)) == 1 })
	m := dataOf[event.MessageData](t, r.recorded(event.MessagesUpsert)[0])
	if m.KeyRemoteJID != group.JID().String() || m.KeyParticipant == nil || *m.KeyParticipant != nina ||
		m.KeyParticipantLID != r.nina.LID().String() || !m.IsGroup {
		t.Errorf("group message %+v", m)
	}
	sent, err := r.Manager.SendText(ctx, r.in.ID, instance.SendTextParams{To: group.JID().String(), Text: "hi"})
	r.must(err)
	r.must(r.nina.Read(ctx, sent.KeyID))
	r.must(otto.Read(ctx, sent.KeyID))
	readers := func() (list []string) {
		for _, s := range statuses(t, r) {
			if s.Status == "READ" && s.MessageMessageID != nil && *s.MessageMessageID == sent.MessageID {
				list = append(list, s.KeyParticipant)
			}
		}
		return list
	}
	r.eventually("both readers", func() bool { return len(readers()) == 2 })
	if got := readers(); !slices.Contains(got, nina) || !slices.Contains(got, otto.JID().String()) {
		t.Errorf("readers %v", got)
	}
	if chats := r.recorded(event.ChatsUpsert); len(chats) != 1 || dataOf[[]event.ChatData](t, chats[0])[0].RemoteJID != group.JID().String() {
		t.Errorf("%d chats.upsert, want the group's", len(chats))
	}
	r.must(group.SetSubject(r.nina, "New crew"))
	r.must(group.Promote(r.nina, otto))
	r.must(group.Remove(r.nina, otto))
	r.eventually("the changes", func() bool { return len(r.recorded(event.GroupParticipantsUpdate)) == 2 })
	if got := dataOf[event.GroupChange](t, r.recorded(event.GroupUpdate)[0]); got.Subject == nil || *got.Subject != "New crew" ||
		got.SubjectOwner != nina || got.Announce != nil || got.Restrict != nil {
		t.Errorf("group.update %+v", got)
	}
	if got := dataOf[event.GroupMembership](t, r.recorded(event.GroupParticipantsUpdate)[1]); got.Action != "remove" || got.Participants[0] != otto.JID().String() {
		t.Errorf("group.participants:update %+v", got)
	}
}

// We go online only while presence is wanted, and offline again with the next
// message once it is not.
func TestOnlineOnlyWhilePresenceIsWanted(t *testing.T) {
	t.Parallel()
	var unwanted atomic.Int32
	r := newRig(t, instancetest.Options{Asked: func(typ event.Type, wanted bool) {
		if typ == event.PresenceUpdate && !wanted {
			unwanted.Add(1)
		}
	}})
	device := r.Pair(r.in.ID, r.phone)
	r.eventually("the first state", func() bool { return r.Get(r.in.ID).WhatsApp.PushName != "" })
	send(r, "one")
	sendOut(r)
	r.eventually("the message", func() bool { return len(r.recorded(event.MessagesUpsert)) == 2 })
	r.eventually("the turns of both messages", func() bool { return unwanted.Load() == 2 })
	r.want(event.PresenceUpdate, true)
	// People are followed one after the other: whoever comes now comes after what
	// the two messages have brought.
	otto := r.Network.NewPhone("4915112340003", "Otto")
	_, err := otto.SendText(context.Background(), r.phone, "hello")
	r.must(err)
	r.eventually("the subscription to the other", func() bool { return r.Network.Subscribed(device, otto) })
	if said := r.Network.Presences(device); !slices.Equal(said, []string{"available"}) || r.Network.Subscribed(device, r.nina) {
		t.Errorf("asked only now, we have said %q; nina is watched: %v", said, r.Network.Subscribed(device, r.nina))
	}
	send(r, "two")
	r.eventually("the subscription", func() bool { return r.Network.Subscribed(device, r.nina) })
	r.nina.SetPresence(true, time.Time{})
	r.nina.SetTyping(r.phone, wasim.Recording)
	r.nina.SetTyping(r.phone, wasim.Paused)
	seen := time.Unix(1772450000, 0)
	r.nina.SetPresence(false, seen)
	kinds := func() (list []string) {
		for _, ev := range r.recorded(event.PresenceUpdate) {
			d := dataOf[event.PresenceData](t, ev)
			list = append(list, d.Presences.Type)
			if d.ID != nina || d.Presences.JID != nina || d.IsGroup {
				t.Errorf("presence %+v", d)
			}
			if d.Presences.Type == "unavailable" && (d.Presences.LastSeen == nil || !time.Time(*d.Presences.LastSeen).Equal(seen)) {
				t.Errorf("last seen %v", d.Presences.LastSeen)
			}
		}
		return list
	}
	r.eventually("four states", func() bool { return len(kinds()) == 4 })
	if got, want := kinds(), []string{"available", "recording", "pause", "unavailable"}; !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
	r.want(event.PresenceUpdate, false)
	send(r, "three")
	r.eventually("being offline", func() bool { return r.Network.Presence(device) == "unavailable" })
}

// What is done to chats on the phone, and a chat that begins anew.
func TestChatChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t, instancetest.Options{})
	r.link()
	ctx, jid := context.Background(), r.nina.JID()
	send(r, "hello")
	r.eventually("the chat", func() bool { return len(r.recorded(event.ChatsUpsert)) == 1 })
	first := dataOf[[]event.ChatData](t, r.recorded(event.ChatsUpsert)[0])[0]
	n := 0
	for _, change := range []struct {
		do   error
		want string
		more int
	}{
		{r.phone.Archive(ctx, jid, true), `"archived":true`, 2}, // archiving unpins as well
		{r.phone.Mute(ctx, jid, true, time.Hour), `"muted":true`, 1},
		{r.phone.MarkChat(ctx, jid, true), `"read":true`, 1},
		{r.phone.ClearChat(ctx, jid, false), `"cleared":true`, 1},
	} {
		r.must(change.do)
		n += change.more
	}
	r.eventually("the changes", func() bool { return len(r.recorded(event.ChatsUpdate)) == n })
	var all string
	for _, ev := range r.recorded(event.ChatsUpdate) {
		row := dataOf[[]event.ChatData](t, ev)[0]
		if row.ChatID != first.ChatID || row.RemoteJID != nina {
			t.Errorf("chats.update of %+v, want %s", row, first.ChatID)
		}
		all += string(ev.Body)
	}
	for _, want := range []string{`"archived":true`, `"muted":true`, `"mutedUntil":"`, `"read":true`, `"cleared":true`} {
		if !strings.Contains(all, want) {
			t.Errorf("no chats.update with %s", want)
		}
	}
	r.must(r.phone.DeleteChat(ctx, jid, false))
	r.eventually("the end of the chat", func() bool { return len(r.recorded(event.ChatsDelete)) == 1 })
	send(r, "hello again")
	r.eventually("a new chat", func() bool { return len(r.recorded(event.ChatsUpsert)) == 2 })
	if again := dataOf[[]event.ChatData](t, r.recorded(event.ChatsUpsert)[1])[0]; again.ChatID == first.ChatID {
		t.Error("a chat that was deleted came back under its id")
	}
}

// Names and pictures of one person are one contact.
func TestContactIsOneRow(t *testing.T) {
	t.Parallel()
	r := newRig(t, instancetest.Options{})
	r.link()
	ctx := context.Background()
	r.must(r.phone.SetContact(ctx, r.nina, "Nina", "Nina Souza"))
	r.eventually("the address book", func() bool { return len(r.recorded(event.ContactsUpsert)) == 1 })
	send(r, "hello")
	r.eventually("the push name", func() bool { return len(r.recorded(event.ContactsUpdate)) >= 1 })
	before := len(r.recorded(event.ContactsUpdate))
	r.nina.SetPicture([]byte("a picture"))
	r.eventually("the picture", func() bool { return len(r.recorded(event.ContactsUpdate)) > before })
	book := dataOf[[]event.ContactData](t, r.recorded(event.ContactsUpsert)[0])[0]
	updates := r.recorded(event.ContactsUpdate)
	last := dataOf[[]event.ContactData](t, updates[len(updates)-1])[0]
	if last.ContactID != book.ContactID || last.PushName != "Nina" || last.Name != "Nina Souza" ||
		last.PictureURL != nil || last.PictureID == nil || *last.PictureID == "" || last.RemoteLID == "" {
		t.Errorf("contact %+v, began as %+v", last, book)
	}
	for _, ev := range updates {
		if c := dataOf[[]event.ContactData](t, ev)[0]; c.RemoteJID == own {
			t.Error("the owner of the account is a contact")
		}
	}
}

// A history that was announced is taken in although Pombal was stopped in
// between, and is then forgotten.
func TestHistorySurvivesARestart(t *testing.T) {
	t.Parallel()
	r := newRig(t, instancetest.Options{})
	r.link()
	r.want(event.MessagesSet, true)
	r.want(event.ChatsSet, true)
	r.Network.SetFaults(wasim.Faults{SilentIQ: []string{"w:m"}}) // where media are is not told
	r.must(r.phone.SendHistory(context.Background(), wasim.HistoryOptions{Kind: "RECENT", Chats: manyChats(5, 2, "x")}))
	notices := func() int {
		list, err := r.Store.Notices(context.Background(), r.in.ID)
		r.must(err)
		return len(list)
	}
	r.eventually("the notice", func() bool { return notices() == 1 })
	r.closeDispatcher() // it holds the file that is about to be closed
	r.Stop()
	r.Network.SetFaults(wasim.Faults{})
	r.Start()
	r.eventually("the messages", func() bool {
		items, _ := itemsOf[event.MessageData](t, r, event.MessagesSet)
		return len(items) == 10
	})
	r.eventually("the end of the notice", func() bool { return notices() == 0 })
	if chats, _ := itemsOf[event.ChatData](t, r, event.ChatsSet); len(chats) != 5 {
		t.Errorf("%d chats, want 5", len(chats))
	}
}
