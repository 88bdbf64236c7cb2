package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
)

// looking makes a draft of one payload.
func looking(instanceID, key string, look func(event.Index) ([]event.Payload, error)) event.Draft {
	return event.Draft{InstanceID: instanceID, Type: event.MessagesUpsert, At: start, Key: key, Look: look}
}

// peek lets fn see the index without recording anything.
func peek(t testing.TB, db *store.DB, instanceID string, fn func(event.Index) error) {
	t.Helper()
	record(t, db, looking(instanceID, "", func(x event.Index) ([]event.Payload, error) { return nil, fn(x) }))
}

func TestLookKeepsIndexAndEventsTogether(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h", event.MessagesUpsert)
	nina := event.Party{JID: "5521998880002@s.whatsapp.net"}
	failure := errors.New("no")

	_, err := db.AppendEvents(context.Background(), looking("a", "k", func(x event.Index) ([]event.Payload, error) {
		_, _, err := x.Chat(nina, start)
		return nil, errors.Join(err, failure)
	}))
	if !errors.Is(err, failure) {
		t.Fatalf("error = %v, want %v", err, failure)
	}
	if known, err := db.ChatKnown(context.Background(), "a", nina); err != nil || known {
		t.Fatalf("a failed commit left the chat behind (%v)", err)
	}

	both := looking("a", "k", func(x event.Index) ([]event.Payload, error) {
		row, found, err := x.Chat(nina, start)
		if found != event.FoundNew {
			t.Errorf("found = %v, want new", found)
		}
		return []event.Payload{{Type: event.ChatsUpsert, Data: row}, {Type: event.MessagesUpsert, Data: row.ChatID}}, err
	})
	got := record(t, db, both)
	if len(got) != 2 || got[0].Type != event.ChatsUpsert || got[1].Type != event.MessagesUpsert || got[1].Seq != got[0].Seq+1 {
		t.Fatalf("recorded %+v", got)
	}
	if again := record(t, db, both); len(again) != 0 {
		t.Errorf("the same key recorded %d events again", len(again))
	}
	if known, err := db.ChatKnown(context.Background(), "a", nina); err != nil || !known {
		t.Errorf("the chat is not known (%v)", err)
	}
}

func TestOnlyWantedKeepsTheIndex(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	nina := event.Party{JID: "5521998880002@s.whatsapp.net"}
	d := looking("a", "", func(x event.Index) ([]event.Payload, error) {
		row, _, err := x.Chat(nina, start)
		return []event.Payload{{Type: event.ChatsSet, Data: row}}, err
	})
	d.OnlyWanted = true
	plain := event.Draft{InstanceID: "a", Type: event.PresenceUpdate, At: start, Data: 1, OnlyWanted: true}
	if got := record(t, db, d, plain); len(got) != 0 {
		t.Fatalf("recorded %d events that nobody wants", len(got))
	}
	if known, err := db.ChatKnown(context.Background(), "a", nina); err != nil || !known {
		t.Fatalf("the chat is not known (%v)", err)
	}
	newWebhook(t, db, "a", "h", event.ChatsSet)
	if got := record(t, db, d, plain); len(got) != 1 || got[0].Type != event.ChatsSet {
		t.Errorf("recorded %+v, want chats.set alone", got)
	}
}

func TestLookIsForAppendEventsAlone(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	_, _, err := db.UpdateInstance(context.Background(), "a", func(*instance.Instance) ([]event.Draft, error) {
		return []event.Draft{looking("a", "", func(event.Index) ([]event.Payload, error) { return nil, nil })}, nil
	})
	if err == nil {
		t.Error("a draft that looks was taken by UpdateInstance")
	}
}

// An account that is linked to the instance later has an index of its own, and
// a purged instance leaves none.
func TestIndexBelongsToTheAccount(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	link := func(id string) {
		t.Helper()
		_, _, err := db.UpdateInstance(context.Background(), "a", func(in *instance.Instance) ([]event.Draft, error) {
			in.WhatsApp = &instance.WhatsApp{ID: id}
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	link("first")
	peek(t, db, "a", func(x event.Index) error { return x.PutMessage("M1", event.MessageRef{MessageID: "m"}) })
	if _, ok, err := db.Message(context.Background(), "a", "M1"); err != nil || !ok {
		t.Fatalf("the message is not known (%v)", err)
	}
	link("second")
	if _, ok, err := db.Message(context.Background(), "a", "M1"); err != nil || ok {
		t.Errorf("the message of another account is known (%v)", err)
	}
	link("first")
	remove(t, db, "a")
	newInstance(t, db, "a")
	link("first")
	if _, ok, err := db.Message(context.Background(), "a", "M1"); err != nil || ok {
		t.Errorf("the message of a deleted instance is known (%v)", err)
	}
}

func TestNumberThatMovesToAnotherPerson(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	var first, second, moved event.ContactData
	peek(t, db, "a", func(x event.Index) (err error) {
		first, _, err = x.Contact(event.Party{JID: "1@s.whatsapp.net", LID: "10@lid"}, event.Names{Push: "Old"}, start)
		if err == nil {
			second, _, err = x.Contact(event.Party{JID: "1@s.whatsapp.net", LID: "20@lid"}, event.Names{Push: "New"}, start)
		}
		if err == nil { // the old owner has a new number
			moved, _, err = x.Contact(event.Party{JID: "2@s.whatsapp.net", LID: "10@lid"}, event.Names{}, start)
		}
		return err
	})
	if first.ContactID == second.ContactID || second.PushName != "New" {
		t.Errorf("the new owner of a number is the old one: %+v", second)
	}
	if moved.ContactID != first.ContactID || moved.RemoteJID != "2@s.whatsapp.net" || moved.PushName != "Old" {
		t.Errorf("after a change of number: %+v, want the row of %+v", moved, first)
	}
}

// In whichever order numbers, LIDs and the knowledge that they belong together
// arrive: once all of it has been seen, each person is one contact and one chat
// under the first id it had, and no row is left over.
func TestOrderOfAddressesDoesNotMatter(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		id := fmt.Sprintf("i%d", runs)
		newInstance(t, db, id)
		const people = 3
		steps := rapid.SliceOfN(rapid.IntRange(0, people*3-1), 1, 30).Draw(rt, "steps")
		firstChat, firstContact := map[int]string{}, map[int]string{}
		touch := func(person, how int) {
			p := partyOf(person, how)
			peek(t, db, id, func(x event.Index) error {
				chat, _, err := x.Chat(p, start)
				if err != nil {
					return err
				}
				contact, _, err := x.Contact(p, event.Names{}, start)
				if older, ok := firstChat[person]; !ok || chat.ChatID < older {
					firstChat[person], firstContact[person] = chat.ChatID, contact.ContactID
				}
				return err
			})
		}
		for _, step := range steps {
			touch(step/3, step%3)
		}
		for person := range people {
			touch(person, 2)
			for how := range 3 {
				checkOne(rt, t, db, id, partyOf(person, how), firstChat[person], firstContact[person])
			}
		}
		if n := store.CountIndexRows(t.Context(), db, id); n != people*6 {
			rt.Fatalf("%d rows are left, want %d", n, people*6)
		}
	})
}

func partyOf(person, how int) event.Party {
	jid, lid := fmt.Sprintf("55%d@s.whatsapp.net", person), fmt.Sprintf("99%d@lid", person)
	switch how {
	case 0:
		return event.Party{JID: jid}
	case 1:
		return event.Party{LID: lid}
	default:
		return event.Party{JID: jid, LID: lid}
	}
}

func checkOne(rt *rapid.T, t *testing.T, db *store.DB, id string, p event.Party, chatID, contactID string) {
	peek(t, db, id, func(x event.Index) error {
		chat, found, err := x.Chat(p, start)
		if err != nil || found != event.FoundKnown || chat.ChatID != chatID || chat.RemoteLID == "" {
			rt.Errorf("chat of %+v = %+v (%v, %v), want id %s", p, chat, found, err, chatID)
		}
		contact, found, err := x.Contact(p, event.Names{}, start)
		if err != nil || found != event.FoundKnown || contact.ContactID != contactID {
			rt.Errorf("contact of %+v = %+v (%v, %v), want id %s", p, contact, found, err, contactID)
		}
		return nil
	})
}

func BenchmarkAppendLookingEvents(b *testing.B) {
	db := storetest.Open(b)
	newInstance(b, db, "a")
	newWebhook(b, db, "a", "h")
	data := json.RawMessage(`{"text":"hello"}`)
	for i := range b.N {
		p := event.Party{JID: fmt.Sprintf("55%d@s.whatsapp.net", i%1000), LID: fmt.Sprintf("9%d@lid", i%1000)}
		record(b, db, looking("a", fmt.Sprint(i), func(x event.Index) ([]event.Payload, error) {
			_, _, err := x.Chat(p, time.Unix(0, 0))
			return []event.Payload{{Type: event.MessagesUpsert, Data: data}}, err
		}))
	}
}
