package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
	"pombal/internal/upkeep"
	"pombal/internal/webhook"
)

// handClock is a clock that is moved by hand; ids of events are made by the
// real one, so it begins there.
type handClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *handClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *handClock) advance(days int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Duration(days) * 24 * time.Hour) // whatever the zone does with its summers
}

func settleNext(t *testing.T, db *store.DB, lane string) {
	t.Helper()
	d := next(t, db, lane).Delivery
	d.Status = webhook.StatusDelivered
	if err := db.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func sweep(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Sweep(t.Context(), store.Retention{}); err != nil {
		t.Fatal(err)
	}
}

func TestSweepDropsWhatIsPastItsTime(t *testing.T) {
	t.Parallel()
	clock := &handClock{at: time.Now()}
	db := storetest.OpenWith(t, clock.now)
	newInstance(t, db, "a")
	newInstance(t, db, "b")
	newWebhook(t, db, "a", "h")
	// More than one step of a sweep takes.
	for i := range 600 {
		record(t, db, message("a", fmt.Sprint(i)))
	}
	record(t, db, message("b", "0"))
	for range 599 {
		settleNext(t, db, "h")
	}
	if err := db.PutThrottle(t.Context(), "ana", auth.Throttle{Failures: 1, LastAt: clock.now()}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := db.AppendAudit(t.Context(), audit.Entry{Action: "x", At: clock.now()}); err != nil {
			t.Fatal(err)
		}
	}

	clock.advance(29)
	sweep(t, db)
	events, _ := count(t, db, "a", "h")
	wantEqual(t, "events after 29 days", events, 600)

	clock.advance(2)
	sweep(t, db)
	events, waits := count(t, db, "a", "h")
	wantEqual(t, "events after 31 days: the one that waits", events, 1)
	wantEqual(t, "waiting", waits, 1)
	wantEqual(t, "job's event is there", next(t, db, "h").Event.Seq, 600)
	list, err := db.Deliveries(t.Context(), "h", 1000)
	if err != nil || len(list) != 1 {
		t.Errorf("deliveries: %d, %v", len(list), err)
	}
	events, _ = count(t, db, "b", "h")
	wantEqual(t, "events of the other instance", events, 0)
	wantEqual(t, "a key can be used again", len(record(t, db, message("a", "0"))), 1)
	if th, err := db.Throttle(t.Context(), "ana"); err != nil || th.Failures != 0 {
		t.Errorf("throttle: %+v, %v", th, err)
	}
	entries, err := db.AuditEntries(t.Context(), 10)
	if err != nil || len(entries) != 3 {
		t.Errorf("audit entries after a month: %d, %v", len(entries), err)
	}

	clock.advance(400)
	sweep(t, db)
	if entries, err = db.AuditEntries(t.Context(), 10); err != nil || len(entries) != 1 {
		t.Errorf("audit entries after a year: %d, %v", len(entries), err)
	}
	if err := db.AppendAudit(t.Context(), audit.Entry{Action: "y", At: clock.now()}); err != nil {
		t.Fatal(err)
	}
	if broken, err := db.VerifyAudit(t.Context()); err != nil || broken != 0 {
		t.Errorf("audit chain breaks at %d, %v", broken, err)
	}
}

func TestSweepPurgesDeletedInstances(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for _, id := range []string{"gone", "waits", "lives"} {
		newInstance(t, db, id)
		newWebhook(t, db, id, id+"-h")
		for i := range 700 {
			record(t, db, message(id, fmt.Sprint(i)))
		}
	}
	for range 700 {
		settleNext(t, db, "gone-h")
	}
	remove(t, db, "gone")
	remove(t, db, "waits")
	before := store.Rows(t, db)
	sweep(t, db)
	after := store.Rows(t, db)
	wantEqual(t, "instances", after["inst"], before["inst"]-1)
	wantEqual(t, "events", after["ev"], 1400)
	wantEqual(t, "keys", after["ev.key"], 1400)
	wantEqual(t, "webhooks", after["hook"], 2)
	wantEqual(t, "log", after["log"], 0)
	wantEqual(t, "outbox", after["out"], 1400)
	newInstance(t, db, "gone") // the id is free
	sweep(t, db)
	wantEqual(t, "instances", store.Rows(t, db)["inst"], 3)
}

func TestSweepOfNothingWritesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	record(t, db, message("a", "m"))
	before := store.Commits(t, db)
	sweep(t, db)
	wantEqual(t, "commits", store.Commits(t, db)-before, 0)
}

// Sent messages go after a month, chats and contacts a year after they last
// took part in anything, with all their addresses.
func TestSweepOfTheIndex(t *testing.T) {
	t.Parallel()
	clock := &handClock{at: time.Now()}
	db := storetest.OpenWith(t, clock.now)
	newInstance(t, db, "a")
	party := func(i int) event.Party {
		return event.Party{JID: fmt.Sprintf("55219988%05d@s.whatsapp.net", i), LID: fmt.Sprintf("%d@lid", 1000+i)}
	}
	meet := func(i int) {
		peek(t, db, "a", func(x event.Index) error {
			_, _, chat := x.Chat(party(i), clock.now())
			_, _, contact := x.Contact(party(i), event.Names{Push: "x"}, clock.now())
			return errors.Join(chat, contact)
		})
	}
	const all = 600 // more than one step of a sweep takes
	for i := range all {
		meet(i)
	}
	peek(t, db, "a", func(x event.Index) error {
		return errors.Join(x.PutMessage("old", event.MessageRef{MessageID: "m", At: clock.now()}),
			x.PutNotice(event.Notice{ID: "old", At: clock.now()}))
	})

	clock.advance(29)
	sweep(t, db)
	if _, ok, err := db.Message(t.Context(), "a", "old"); err != nil || !ok {
		t.Errorf("a message of 29 days: known %t, %v", ok, err)
	}
	clock.advance(2)
	meet(0)
	sweep(t, db)
	if _, ok, err := db.Message(t.Context(), "a", "old"); err != nil || ok {
		t.Errorf("a message of 31 days: known %t, %v", ok, err)
	}
	rows := store.Rows(t, db)
	wantEqual(t, "notices", rows["notice"], 0)
	for bucket, want := range map[string]int{"chat": all, "contact": all, "chat.addr": 2 * all, "contact.addr": 2 * all} {
		wantEqual(t, bucket, rows[bucket], want)
	}

	clock.advance(364 - 29)
	sweep(t, db)
	rows = store.Rows(t, db)
	for bucket, want := range map[string]int{"chat": 1, "contact": 1, "chat.addr": 2, "contact.addr": 2} {
		wantEqual(t, bucket+" a year after all but one", rows[bucket], want)
	}
	for i, want := range map[int]bool{0: true, 1: false} {
		if known, err := db.ChatKnown(t.Context(), "a", party(i)); err != nil || known != want {
			t.Errorf("chat %d: known %t, %v", i, known, err)
		}
	}
	clock.advance(32)
	sweep(t, db)
	wantEqual(t, "chats in the end", store.Rows(t, db)["chat"], 0)
}

// Taking part is noted once a week: each note is a write.
func TestPartiesAreNotedNowAndThen(t *testing.T) {
	t.Parallel()
	clock := &handClock{at: time.Now()}
	db := storetest.OpenWith(t, clock.now)
	newInstance(t, db, "a")
	meet := func() {
		peek(t, db, "a", func(x event.Index) error {
			_, _, err := x.Chat(event.Party{LID: "1@lid"}, clock.now())
			return err
		})
	}
	meet()
	before := store.Commits(t, db)
	clock.advance(6)
	meet()
	wantEqual(t, "commits within a week", store.Commits(t, db)-before, 0)
	clock.advance(1)
	meet()
	wantEqual(t, "commits after a week", store.Commits(t, db)-before, 1)
}

// While messages are not kept, nothing of them can be looked up, and what is
// stored of them goes as soon as no delivery waits for it: not earlier.
func TestMessagesAreNotKept(t *testing.T) {
	t.Parallel()
	clock := &handClock{at: time.Now()}
	db := storetest.OpenWith(t, clock.now)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	nina := event.Party{JID: "1@s.whatsapp.net"}
	peek(t, db, "a", func(x event.Index) error {
		if _, _, err := x.Chat(nina, clock.now()); err != nil {
			return err
		}
		if err := x.PutMessage("k", event.MessageRef{MessageID: "m", Chat: nina, At: clock.now()}); err != nil {
			return err
		}
		_, _, err := x.Contact(nina, event.Names{Push: "Nina"}, clock.now())
		return err
	})
	for i := range 3 {
		record(t, db, message("a", fmt.Sprint(i)))
	}
	record(t, db, event.Draft{InstanceID: "a", Type: event.ConnectionUpdate, Data: map[string]string{"state": "open"}})
	look := func() (chats, contacts, messages int) {
		t.Helper()
		c, err := db.Chats(t.Context(), "a")
		p, perr := db.Contacts(t.Context(), "a")
		_, messages, merr := db.Messages(t.Context(), "a", func(event.MessageData) bool { return true }, 0, 9)
		if err := errors.Join(err, perr, merr); err != nil {
			t.Fatal(err)
		}
		return len(c), len(p), messages
	}
	if c, p, m := look(); c != 1 || p != 1 || m != 3 {
		t.Fatalf("kept: %d chats, %d contacts, %d messages", c, p, m)
	}

	off := upkeep.Default()
	off[upkeep.Messages] = upkeep.Off
	if doomed, err := db.Doomed(t.Context(), off); err != nil || doomed[upkeep.Messages] != 3 {
		t.Errorf("it is said to delete %v, %v", doomed, err)
	}
	if err := db.SetPolicy(t.Context(), off); err != nil {
		t.Fatal(err)
	}
	if doomed, err := db.Doomed(t.Context(), off); err != nil || doomed[upkeep.Messages] != 0 {
		t.Errorf("the same choice again deletes %v, %v", doomed, err)
	}
	if c, p, m := look(); c+p+m != 0 {
		t.Errorf("off: %d chats, %d contacts, %d messages", c, p, m)
	}
	clock.advance(1)
	sweepOff := func() {
		t.Helper()
		if err := db.Sweep(t.Context(), store.RetentionOf(off)); err != nil {
			t.Fatal(err)
		}
	}
	sweepOff()
	wantEqual(t, "events while all of them wait", store.Rows(t, db)["ev"], 4)
	settleNext(t, db, "h")
	sweepOff()
	rows := store.Rows(t, db)
	wantEqual(t, "events once one is delivered", rows["ev"], 3)
	for i := range 3 {
		if job := next(t, db, "h"); len(job.Event.Body) == 0 {
			t.Errorf("waiting event %d lost its text", i)
		}
		settleNext(t, db, "h")
	}
	wantEqual(t, "contacts", rows["contact"]+rows["contact.addr"], 0)
	wantEqual(t, "addresses of chats", rows["chat.addr"], 1)
	wantEqual(t, "addresses of sent messages", rows["msg"], 1)
	sweepOff()
	wantEqual(t, "events once all are delivered: the connection", store.Rows(t, db)["ev"], 1)
	before := store.Commits(t, db)
	sweepOff()
	wantEqual(t, "commits of a sweep of nothing", store.Commits(t, db)-before, 0)

	// Reading goes on behind the gap.
	record(t, db, message("a", "9"))
	if list, err := db.Events(t.Context(), "a", 0, 9); err != nil || len(list) != 2 {
		t.Errorf("events: %v, %v", list, err)
	}
	clock.advance(31)
	sweepOff()
	rows = store.Rows(t, db)
	wantEqual(t, "addresses after a month", rows["chat"]+rows["chat.addr"]+rows["msg"], 0)
	wantEqual(t, "the message that waits", next(t, db, "h").Event.Seq, 5)
	if err := db.SetPolicy(t.Context(), upkeep.Default()); err != nil {
		t.Fatal(err)
	}
	if _, _, m := look(); m != 1 {
		t.Errorf("kept again: %d messages", m)
	}
}

// With very many deliveries waiting, a sweep of messages leaves them for later.
func TestMessagesOfLongLanesStay(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	var drafts []event.Draft
	for i := range 2002 {
		drafts = append(drafts, message("a", fmt.Sprint(i)))
	}
	record(t, db, drafts...)
	settleNext(t, db, "h")
	keep := store.Retention{NoMessages: true}
	if err := db.Sweep(t.Context(), keep); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "events while 2001 wait", store.Rows(t, db)["ev"], 2002)
	settleNext(t, db, "h")
	if err := db.Sweep(t.Context(), keep); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "events while 2000 wait", store.Rows(t, db)["ev"], 2000)
}
