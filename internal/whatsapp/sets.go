package whatsapp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
)

// Limits of one body of a set. Receivers commonly take no more than 1 MiB, and
// one commit must not hold up the others.
const (
	setItems = 200
	setBytes = 256<<10 - 4<<10 // what the envelope takes is left out
)

// chunks splits items into bodies of bounded number and size.
func chunks[T any](items []T, size func(T) int) [][]T {
	var out [][]T
	start, bytes := 0, 0
	for i, item := range items {
		n := size(item) + 1
		if i > start && (i-start == setItems || bytes+n > setBytes) {
			out = append(out, items[start:i])
			start, bytes = i, 0
		}
		bytes += n
	}
	if start < len(items) {
		out = append(out, items[start:])
	}
	return out
}

// rowSize is more than what an address book row takes beside its names.
const rowSize = 360

// known is a person with the names it has.
type known struct {
	party event.Party
	names event.Names
}

// size is an upper bound of what k takes in a body. JSON writes a byte as up to
// six; the push name may be shown from another name.
func (k known) size() int {
	return rowSize + 6*(max(len(k.names.Push), maxName)+len(k.names.Book)+len(k.names.Business))
}

// observeSync tells of the address book once it has arrived as a whole.
func (s *session) observeSync(e *events.AppStateSyncComplete) {
	if e.Name != appstate.WAPatchCriticalUnblockLow {
		return
	}
	s.bg.run(func(ctx context.Context) {
		s.guarded("tell of the contacts", func() { s.tellBook(ctx, e.Version) })
	})
}

// tellBook records contacts.set of everybody the engine knows.
func (s *session) tellBook(ctx context.Context, version uint64) {
	all, err := s.client.Store.Contacts.GetAllContacts(ctx)
	if err != nil {
		s.log().Error("read the contacts", "error", err)
		return
	}
	people := make([]known, 0, len(all))
	for jid, c := range all {
		people = append(people, known{s.party(jid), event.Names{
			Push: c.PushName, Book: cmp.Or(c.FullName, c.FirstName), Business: c.BusinessName,
		}})
	}
	s.contactsSet(ctx, fmt.Sprintf("book|%s|%d", s.device(), version), people)
}

// contactsSet records contacts.set of people, in bodies of bounded size. key
// tells this set from others. It is false when the disk refused a part.
func (s *session) contactsSet(ctx context.Context, key string, people []known) bool {
	for i, part := range chunks(s.distinct(people), known.size) {
		d := s.draft(event.ContactsSet)
		d.Key, d.OnlyWanted = fmt.Sprintf("%s|%d", key, i), true
		d.Look = func(x event.Index) ([]event.Payload, error) {
			rows := make([]event.ContactData, 0, len(part))
			for _, k := range part {
				row, _, err := x.Contact(k.party, k.names, d.At)
				if err != nil {
					return nil, err
				}
				rows = append(rows, row)
			}
			return []event.Payload{{Type: event.ContactsSet, Data: rows}}, nil
		}
		if !s.recordSet(ctx, d) {
			return false
		}
	}
	return true
}

// distinct makes one of the two entries that the engine keeps of a person, one
// under each address, and leaves out the owner of the account and what is no
// person.
func (s *session) distinct(people []known) []known {
	byAddress := make(map[string]known, len(people))
	for _, k := range people {
		if !s.isPerson(k.party) || !isPersonAddress(k.party.Address()) {
			continue
		}
		old := byAddress[k.party.Address()]
		k.names = event.Names{
			Push:     shortName(cmp.Or(k.names.Push, old.names.Push)),
			Book:     shortName(cmp.Or(k.names.Book, old.names.Book)),
			Business: shortName(cmp.Or(k.names.Business, old.names.Business)),
		}
		byAddress[k.party.Address()] = k
	}
	return slices.SortedFunc(maps.Values(byAddress), func(a, b known) int {
		return strings.Compare(a.party.Address(), b.party.Address())
	})
}

func isPersonAddress(address string) bool {
	return strings.HasSuffix(address, "@s.whatsapp.net") || strings.HasSuffix(address, "@lid")
}

// chatsSet is contactsSet for chats.
func (s *session) chatsSet(ctx context.Context, key string, chats []event.Party) bool {
	size := func(event.Party) int { return rowSize }
	for i, part := range chunks(chats, size) {
		d := s.draft(event.ChatsSet)
		d.Key, d.OnlyWanted = fmt.Sprintf("%s|%d", key, i), true
		d.Look = func(x event.Index) ([]event.Payload, error) {
			rows := make([]event.ChatData, 0, len(part))
			for _, chat := range part {
				row, _, err := x.Chat(chat, d.At)
				if err != nil {
					return nil, err
				}
				rows = append(rows, row)
			}
			return []event.Payload{{Type: event.ChatsSet, Data: rows}}, nil
		}
		if !s.recordSet(ctx, d) {
			return false
		}
	}
	return true
}

// messagesSet is contactsSet for messages, which come encoded.
func (s *session) messagesSet(ctx context.Context, key string, messages []json.RawMessage) bool {
	size := func(raw json.RawMessage) int { return len(raw) }
	for i, part := range chunks(messages, size) {
		d := s.draft(event.MessagesSet)
		d.Key, d.OnlyWanted, d.Data = fmt.Sprintf("%s|%d", key, i), true, part
		if !s.recordSet(ctx, d) {
			return false
		}
	}
	return true
}

// recordSet records one part of a set; false when the rest is to be given up.
func (s *session) recordSet(ctx context.Context, d event.Draft) bool {
	if err := s.params.Sink.Record(ctx, d); err != nil {
		s.log().Error("record a part of the history", "type", d.Type, "error", err)
		return false
	}
	return true
}
