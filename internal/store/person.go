package store

import (
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// person is a row of the index of chats or of contacts: one party, whichever
// of its addresses are known.
type person struct {
	ID        string         `json:"id"`
	JID       string         `json:"jid,omitempty"`
	LID       string         `json:"lid,omitempty"`
	Push      string         `json:"push,omitempty"`
	Book      string         `json:"book,omitempty"`
	Business  string         `json:"business,omitempty"`
	CreatedAt event.WireTime `json:"createdAt"`
	// SeenAt is when the party last took part in anything, to a week.
	SeenAt time.Time `json:"seenAt,omitzero"`
}

// seenEvery is how exactly it is noted when a party took part: each note is a
// write.
const seenEvery = 7 * dayLong

// lastSeen is when the party last took part in anything.
func (p person) lastSeen() time.Time {
	if p.SeenAt.IsZero() { // from before this was noted
		return time.Time(p.CreatedAt)
	}
	return p.SeenAt
}

// people is one such index of one linked account: rows by id, and the id by
// each address. An account that is linked to the instance later has its own.
type people struct {
	rows, addresses *bbolt.Bucket
	scope           string
	now             time.Time
	wrote           *bool
}

// scopeOf starts the keys of an instance's index.
func scopeOf(in instance.Instance) string {
	if in.WhatsApp == nil {
		return in.ID + "\x00-"
	}
	return in.ID + "\x00" + in.WhatsApp.ID
}

// find gives the row of a party. What p says of its addresses is stored: two
// rows that turn out to be one become one, under the older id.
func (b people) find(p event.Party) (row person, found event.Found, err error) {
	byLID, err := b.at(p.LID)
	if err != nil {
		return person{}, 0, err
	}
	byJID, err := b.at(p.JID)
	if err != nil {
		return person{}, 0, err
	}
	if byJID != nil && byJID.LID != "" && p.LID != "" && byJID.LID != p.LID {
		// The number belongs to somebody else by now.
		if err := b.takeNumber(*byJID); err != nil {
			return person{}, 0, err
		}
		byJID = nil
	}
	switch {
	case byLID == nil && byJID == nil:
		return person{}, event.FoundNew, nil
	case byLID == nil:
		row = *byJID
	case byJID == nil || byJID.ID == byLID.ID:
		row = *byLID
	default:
		if row, err = b.merge(*byLID, *byJID); err != nil {
			return person{}, 0, err
		}
		found = event.FoundJoined
	}
	return b.learn(row, p, found)
}

// at gives the row of an address; nil when there is none.
func (b people) at(address string) (*person, error) {
	if address == "" {
		return nil, nil
	}
	id := b.addresses.Get(pairKey(b.scope, address))
	if id == nil {
		return nil, nil
	}
	row, ok, err := load[person](b.rows, pairKey(b.scope, string(id)))
	if err == nil && !ok {
		err = fmt.Errorf("row %s of %s is missing", id, address)
	}
	return &row, err
}

// takeNumber leaves a person with the LID alone.
func (b people) takeNumber(row person) error {
	if err := b.forget(row.JID); err != nil {
		return err
	}
	row.JID = ""
	return b.put(row)
}

// merge makes one row of two, under the id of the older, and removes the other.
func (b people) merge(x, y person) (person, error) {
	if y.ID < x.ID { // ids sort by time of making
		x, y = y, x
	}
	if err := b.rows.Delete(pairKey(b.scope, y.ID)); err != nil {
		return person{}, err
	}
	for _, address := range []string{y.JID, y.LID} {
		if err := b.point(address, x.ID); err != nil {
			return person{}, err
		}
	}
	x.JID, x.LID = either(x.JID, y.JID), either(x.LID, y.LID)
	x.Push, x.Book, x.Business = either(x.Push, y.Push), either(x.Book, y.Book), either(x.Business, y.Business)
	return x, b.put(x)
}

func either(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// learn stores addresses of a row that were not known.
func (b people) learn(row person, p event.Party, found event.Found) (person, event.Found, error) {
	if (p.JID == "" || p.JID == row.JID) && (p.LID == "" || p.LID == row.LID) {
		return row, found, nil
	}
	if p.JID != "" && p.JID != row.JID {
		if err := b.forget(row.JID); err != nil {
			return person{}, 0, err
		}
		row.JID = p.JID
	}
	row.LID = either(row.LID, p.LID)
	for _, address := range []string{row.JID, row.LID} {
		if err := b.point(address, row.ID); err != nil {
			return person{}, 0, err
		}
	}
	return row, event.FoundJoined, b.put(row)
}

// saw notes that a party took part in something just now.
func (b people) saw(row person) (person, error) {
	if b.now.Sub(row.SeenAt) < seenEvery {
		return row, nil
	}
	row.SeenAt = b.now
	return row, b.put(row)
}

// add makes the row of a party that was not found.
func (b people) add(p event.Party, at event.WireTime) (person, error) {
	id, err := event.NewID()
	if err != nil {
		return person{}, fmt.Errorf("make an id: %w", err)
	}
	row := person{ID: id, JID: p.JID, LID: p.LID, CreatedAt: at, SeenAt: b.now}
	for _, address := range []string{p.JID, p.LID} {
		if err := b.point(address, id); err != nil {
			return person{}, err
		}
	}
	return row, b.put(row)
}

// drop removes a row with its addresses.
func (b people) drop(row person) error {
	*b.wrote = true
	for _, address := range []string{row.JID, row.LID} {
		if err := b.forget(address); err != nil {
			return err
		}
	}
	return b.rows.Delete(pairKey(b.scope, row.ID))
}

func (b people) put(row person) error {
	*b.wrote = true
	raw, err := encode(row)
	if err != nil {
		return err
	}
	return b.rows.Put(pairKey(b.scope, row.ID), raw)
}

func (b people) point(address, id string) error {
	if address == "" {
		return nil
	}
	*b.wrote = true
	return b.addresses.Put(pairKey(b.scope, address), []byte(id))
}

func (b people) forget(address string) error {
	if address == "" {
		return nil
	}
	*b.wrote = true
	return b.addresses.Delete(pairKey(b.scope, address))
}
