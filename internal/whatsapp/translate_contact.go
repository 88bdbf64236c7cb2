package whatsapp

import (
	"cmp"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
)

// contact makes contacts.upsert of an entry in the phone's address book.
func (s *session) contact(e *events.Contact) ([]event.Draft, error) {
	if e.FromFullSync {
		return nil, nil
	}
	name := cmp.Or(e.Action.GetFullName(), e.Action.GetFirstName())
	lid, _ := types.ParseJID(e.Action.GetLidJID()) // absent in older entries
	return s.person(event.ContactsUpsert, s.party(e.JID, lid), event.Names{Book: name}, nil)
}

// pushName makes contacts.update of the name that a person gave itself. It is
// how strangers become known.
func (s *session) pushName(e *events.PushName) ([]event.Draft, error) {
	return s.person(event.ContactsUpdate, s.party(e.JID, e.JIDAlt), event.Names{Push: e.NewPushName}, nil)
}

func (s *session) businessName(e *events.BusinessName) ([]event.Draft, error) {
	return s.person(event.ContactsUpdate, s.party(e.JID), event.Names{Business: e.NewBusinessName}, nil)
}

// picture makes contacts.update of a changed picture. WhatsApp tells an id; an
// address would cost a question, may be refused and expires within days, so
// pictureUrl stays null. Pictures of groups are no contacts.
func (s *session) picture(e *events.Picture) ([]event.Draft, error) {
	if plain(e.JID).Server == "g.us" {
		return nil, nil
	}
	id := e.PictureID
	return s.person(event.ContactsUpdate, s.party(e.JID), event.Names{}, &id)
}

// person makes an event of one contact. The owner of the account is none.
func (s *session) person(t event.Type, p event.Party, names event.Names, pictureID *string) ([]event.Draft, error) {
	if !s.isPerson(p) {
		return nil, nil
	}
	names = event.Names{Push: shortName(names.Push), Book: shortName(names.Book), Business: shortName(names.Business)}
	d := s.draft(t)
	d.Look = func(x event.Index) ([]event.Payload, error) {
		row, _, err := x.Contact(p, names, d.At)
		row.PictureID = pictureID
		return []event.Payload{{Type: t, Data: []event.ContactData{row}}}, err
	}
	return []event.Draft{d}, nil
}
