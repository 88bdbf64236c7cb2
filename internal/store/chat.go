package store

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/instance"
)

var (
	bucketChat           = []byte("chat")
	bucketChatAddress    = []byte("chat.addr")
	bucketContact        = []byte("contact")
	bucketContactAddress = []byte("contact.addr")
	bucketMessage        = []byte("msg")
	bucketNotice         = []byte("notice")
)

// createIndexBuckets makes the buckets of the index of chats, contacts, own
// messages and histories to come.
func createIndexBuckets(tx *bbolt.Tx) error {
	for _, name := range indexBuckets() {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
	}
	return nil
}

// indexBuckets are the buckets whose keys start with the id of an instance and
// that go when it does.
func indexBuckets() [][]byte {
	return [][]byte{bucketChat, bucketChatAddress, bucketContact, bucketContactAddress, bucketMessage, bucketNotice}
}

// index is what drafts see of an instance while they are recorded.
type index struct {
	tx    *bbolt.Tx
	scope string
	now   time.Time
	wrote bool
}

var _ event.Index = (*index)(nil)

func newIndex(tx *bbolt.Tx, in instance.Instance, now time.Time) *index {
	return &index{tx: tx, scope: scopeOf(in), now: now}
}

func (x *index) chats() people {
	return people{rows: x.tx.Bucket(bucketChat), addresses: x.tx.Bucket(bucketChatAddress), scope: x.scope, now: x.now, wrote: &x.wrote}
}

func (x *index) contacts() people {
	return people{rows: x.tx.Bucket(bucketContact), addresses: x.tx.Bucket(bucketContactAddress), scope: x.scope, now: x.now, wrote: &x.wrote}
}

// Chat finds the chat with a party, or makes it.
func (x *index) Chat(p event.Party, at time.Time) (event.ChatData, event.Found, error) {
	book := x.chats()
	row, found, err := book.find(p)
	if err == nil && found == event.FoundNew {
		row, err = book.add(p, event.WireTime(at))
	}
	if err == nil {
		row, err = book.saw(row)
	}
	if err != nil {
		return event.ChatData{}, 0, fmt.Errorf("chat with %s: %w", p.Address(), err)
	}
	return event.ChatData{
		ChatID: row.ID, RemoteJID: either(row.JID, row.LID), RemoteLID: row.LID, CreatedAt: row.CreatedAt,
	}, found, nil
}

// DropChat forgets the chat with a party, if there is one.
func (x *index) DropChat(p event.Party) error {
	book := x.chats()
	row, found, err := book.find(p)
	if err == nil && found != event.FoundNew {
		err = book.drop(row)
	}
	if err != nil {
		return fmt.Errorf("drop the chat with %s: %w", p.Address(), err)
	}
	return nil
}

// Contact finds a person, or makes it, and notes the names that are given.
func (x *index) Contact(p event.Party, names event.Names, at time.Time) (event.ContactData, event.Found, error) {
	book := x.contacts()
	row, found, err := book.find(p)
	if err == nil && found == event.FoundNew {
		row, err = book.add(p, event.WireTime(at))
	}
	if err == nil {
		row, err = book.saw(row)
	}
	if err == nil {
		named := row
		named.Push, named.Book = either(names.Push, row.Push), either(names.Book, row.Book)
		named.Business = either(names.Business, row.Business)
		if named != row {
			row, err = named, book.put(named)
		}
	}
	if err != nil {
		return event.ContactData{}, 0, fmt.Errorf("contact %s: %w", p.Address(), err)
	}
	return contactData(row), found, nil
}

// JoinContact makes one row of a person whose two addresses are known; ok is
// false when there was nothing to do.
func (x *index) JoinContact(p event.Party) (event.ContactData, bool, error) {
	if p.JID == "" || p.LID == "" {
		return event.ContactData{}, false, nil
	}
	row, found, err := x.contacts().find(p)
	if err != nil {
		return event.ContactData{}, false, fmt.Errorf("contact %s: %w", p.Address(), err)
	}
	return contactData(row), found == event.FoundJoined, nil
}

func contactData(row person) event.ContactData {
	return event.ContactData{
		ContactID: row.ID, PushName: either(row.Push, either(row.Book, row.Business)),
		RemoteJID: either(row.JID, row.LID), RemoteLID: row.LID,
		Name: row.Book, Business: row.Business, CreatedAt: row.CreatedAt,
	}
}

// ChatKnown says whether the instance has a chat with the party.
func (db *DB) ChatKnown(ctx context.Context, instanceID string, p event.Party) (known bool, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) error {
		in, err := living(tx, instanceID)
		if err != nil {
			return err
		}
		addresses, scope := tx.Bucket(bucketChatAddress), scopeOf(in)
		for _, address := range []string{p.JID, p.LID} {
			known = known || address != "" && addresses.Get(pairKey(scope, address)) != nil
		}
		return nil
	})
	return known, err
}
