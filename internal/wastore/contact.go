package wastore

import (
	"context"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func encodeContact(c types.ContactInfo) []byte {
	return newRecord(64).str(c.FirstName).str(c.FullName).str(c.PushName).str(c.BusinessName).str(c.RedactedPhone)
}

func parseContact(raw []byte) (types.ContactInfo, error) {
	f := parse(raw)
	c := types.ContactInfo{
		Found:         true,
		FirstName:     f.str(),
		FullName:      f.str(),
		PushName:      f.str(),
		BusinessName:  f.str(),
		RedactedPhone: f.str(),
	}
	return c, f.err
}

func (d *deviceTx) contact(user types.JID) (types.ContactInfo, error) {
	raw := d.get(flat(bucketContact), []byte(user.String()))
	if raw == nil {
		return types.ContactInfo{}, nil
	}
	return parseContact(raw)
}

func (d *deviceTx) putContact(user types.JID, c types.ContactInfo) error {
	return d.put(flat(bucketContact), []byte(user.String()), encodeContact(c))
}

// rename changes one name of a contact and returns the previous one. An
// unchanged name, an empty one of an unknown contact too, writes nothing.
func (s *deviceStore) rename(ctx context.Context, user types.JID, name string, field func(*types.ContactInfo) *string) (changed bool, previous string, err error) {
	err = s.update(ctx, rides, func(d *deviceTx) error {
		contact, err := d.contact(user)
		if err != nil {
			return err
		}
		old := field(&contact)
		if *old == name {
			return nil
		}
		changed, previous = true, *old
		*old = name
		return d.putContact(user, contact)
	})
	if err != nil {
		return false, "", err
	}
	return changed, previous, nil
}

// PutPushName stores the name a contact gave itself. It tells whether that
// changed anything and what the name was before.
func (s *deviceStore) PutPushName(ctx context.Context, user types.JID, pushName string) (changed bool, previous string, err error) {
	defer guard("PutPushName", &err)
	return s.rename(ctx, user, pushName, func(c *types.ContactInfo) *string { return &c.PushName })
}

// PutBusinessName stores the verified name of a business, like PutPushName.
func (s *deviceStore) PutBusinessName(ctx context.Context, user types.JID, businessName string) (changed bool, previous string, err error) {
	defer guard("PutBusinessName", &err)
	return s.rename(ctx, user, businessName, func(c *types.ContactInfo) *string { return &c.BusinessName })
}

// PutContactName stores the names of the phone's address book. The interface
// names its arguments the other way round; the engine passes the first name
// first.
func (s *deviceStore) PutContactName(ctx context.Context, user types.JID, firstName, fullName string) (err error) {
	defer guard("PutContactName", &err)
	return s.update(ctx, rides, func(d *deviceTx) error {
		contact, err := d.contact(user)
		if err != nil || contact.FirstName == firstName && contact.FullName == fullName {
			return err
		}
		contact.FirstName, contact.FullName = firstName, fullName
		return d.putContact(user, contact)
	})
}

// PutAllContactNames stores many address book names, all or none. Of two
// entries for one contact the first counts.
func (s *deviceStore) PutAllContactNames(ctx context.Context, contacts []wmstore.ContactEntry) (err error) {
	defer guard("PutAllContactNames", &err)
	return eachContact(ctx, s, contacts,
		func(e wmstore.ContactEntry) types.JID { return e.JID },
		func(e wmstore.ContactEntry, c *types.ContactInfo) { c.FirstName, c.FullName = e.FirstName, e.FullName })
}

// PutManyRedactedPhones stores many redacted phone numbers, like
// PutAllContactNames.
func (s *deviceStore) PutManyRedactedPhones(ctx context.Context, entries []wmstore.RedactedPhoneEntry) (err error) {
	defer guard("PutManyRedactedPhones", &err)
	return eachContact(ctx, s, entries,
		func(e wmstore.RedactedPhoneEntry) types.JID { return e.JID },
		func(e wmstore.RedactedPhoneEntry, c *types.ContactInfo) { c.RedactedPhone = e.RedactedPhone })
}

// eachContact applies entries to their contacts in one call; the other fields
// of a contact stay.
func eachContact[E any](ctx context.Context, s *deviceStore, entries []E, jid func(E) types.JID, apply func(E, *types.ContactInfo)) error {
	if len(entries) == 0 {
		return nil
	}
	return s.update(ctx, rides, func(d *deviceTx) error {
		seen := make(map[types.JID]struct{}, len(entries))
		for _, e := range entries {
			user := jid(e)
			if _, again := seen[user]; again {
				continue
			}
			seen[user] = struct{}{}
			contact, err := d.contact(user)
			if err != nil {
				return err
			}
			apply(e, &contact)
			if err := d.putContact(user, contact); err != nil {
				return err
			}
		}
		if doubles := len(entries) - len(seen); doubles > 0 {
			s.c.log.Warn("contacts given twice", "device", s.jid, "count", doubles)
		}
		return nil
	})
}

// GetContact returns a contact; Found is false when it is unknown.
func (s *deviceStore) GetContact(ctx context.Context, user types.JID) (contact types.ContactInfo, err error) {
	defer guard("GetContact", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		contact, err = d.contact(user)
		return err
	})
	return contact, err
}

// GetAllContacts returns all contacts of the device.
func (s *deviceStore) GetAllContacts(ctx context.Context) (contacts map[types.JID]types.ContactInfo, err error) {
	defer guard("GetAllContacts", &err)
	contacts = map[types.JID]types.ContactInfo{}
	err = s.view(ctx, func(d *deviceTx) error {
		return d.scan(flat(bucketContact), nil, func(key, raw []byte) error {
			user, err := types.ParseJID(string(key))
			if err != nil {
				// One odd JID must not hide all contacts for ever.
				s.c.log.Warn("contact with unreadable JID", "device", s.jid, "error", err)
				return nil
			}
			contacts[user], err = parseContact(raw)
			return err
		})
	})
	return contacts, err
}
