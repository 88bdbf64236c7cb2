package wastore_test

import (
	"context"
	"errors"
	"slices"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
)

// refStore is one device of the reference: the engine's own store, with the
// methods overridden that differ on purpose.
type refStore struct {
	*sqlstore.SQLStore
	r        *reference
	alive    bool
	migrated map[string]types.JID // what the SQLStore takes for done
	touched  map[types.JID]bool   // contacts changed in this transaction
	pending  map[string]bool      // moved in this transaction
	keys     map[uint32][32]byte
}

var _ wmstore.AllStores = (*refStore)(nil)

func (r *reference) newStore(jid types.JID, alive bool) *refStore {
	if !alive {
		jid = nobody
	}
	return &refStore{
		SQLStore: sqlstore.NewSQLStore(r.c, jid), r: r, alive: alive,
		migrated: map[string]types.JID{}, touched: map[types.JID]bool{}, pending: map[string]bool{}, keys: map[uint32][32]byte{},
	}
}

// die makes s the store of a deleted device.
func (s *refStore) die() {
	s.SQLStore, s.alive = sqlstore.NewSQLStore(s.r.c, nobody), false
}

// renew gives s cold caches, but the same set of moved numbers.
func (s *refStore) renew() {
	jid := jidOf(s.JID)
	s.SQLStore = sqlstore.NewSQLStore(s.r.c, jid)
	over, cancel := context.WithCancel(ctx)
	cancel()
	for _, pn := range s.migrated {
		// Marked before the transaction, which cannot begin.
		_ = s.SQLStore.MigratePNToLID(over, pn, nobody)
	}
}

// forget takes back what a rolled-back transaction left in memory.
func (s *refStore) forget(migrated map[string]types.JID) {
	if len(s.migrated) != len(migrated) {
		s.r.allow.hit("failed migration")
	}
	s.migrated = migrated
	old := s.SQLStore
	s.renew()
	for jid := range s.touched {
		was, err1 := old.GetContact(ctx, jid)
		is, err2 := s.SQLStore.GetContact(ctx, jid)
		if err1 == nil && err2 == nil && was != is {
			s.r.allow.hit("contact rollback")
			return
		}
	}
}

// mustLive is for writes whose rows have no foreign key in the reference.
func (s *refStore) mustLive() error {
	if !s.alive {
		return errRefGone
	}
	return nil
}

type addressRow struct {
	address string
	value   []byte
}

// deleteLiterally undoes what real deletes by LIKE but not by bytes.
func (s *refStore) deleteLiterally(ctx context.Context, table, column, pattern, literal string, real func(context.Context) error) error {
	if ctx.Err() != nil {
		return real(ctx)
	}
	return s.r.together(ctx, func(ctx context.Context) error {
		rows, err := s.r.db.Query(ctx, "SELECT their_id, "+column+" FROM "+table+
			" WHERE our_jid=$1 AND their_id LIKE $2 AND NOT ("+literal+")", s.JID, pattern)
		if err != nil {
			return err
		}
		var spared []addressRow
		for rows.Next() {
			var row addressRow
			if err := rows.Scan(&row.address, &row.value); err != nil {
				return err
			}
			spared = append(spared, row)
		}
		if err := errors.Join(rows.Err(), rows.Close(), real(ctx)); err != nil {
			return err
		}
		for _, row := range spared {
			s.r.allow.hit("wildcard delete")
			if err := s.r.exec(ctx, "INSERT INTO "+table+" VALUES ($1, $2, $3)", s.JID, row.address, row.value); err != nil {
				return err
			}
		}
		return nil
	})
}

// startsWith is true for addresses of the user in the pattern's first part.
const startsWith = "substr(their_id, 1, length($2) - 1) = substr($2, 1, length($2) - 1)"

func (s *refStore) DeleteIdentity(ctx context.Context, address string) error {
	return s.deleteLiterally(ctx, "whatsmeow_identity_keys", "identity", address, "their_id = $2", func(ctx context.Context) error {
		return s.SQLStore.DeleteIdentity(ctx, address)
	})
}

func (s *refStore) DeleteAllIdentities(ctx context.Context, phone string) error {
	return s.deleteLiterally(ctx, "whatsmeow_identity_keys", "identity", phone+":%", startsWith, func(ctx context.Context) error {
		return s.SQLStore.DeleteAllIdentities(ctx, phone)
	})
}

func (s *refStore) DeleteAllSessions(ctx context.Context, phone string) error {
	return s.deleteLiterally(ctx, "whatsmeow_sessions", "session", phone+":%", startsWith, func(ctx context.Context) error {
		return s.SQLStore.DeleteAllSessions(ctx, phone)
	})
}

// moves lists the tables of MigratePNToLID; $1 device, $2 from, $3 to.
var moves = []struct{ table, id, rest string }{
	{"whatsmeow_sessions", "their_id", "session"},
	{"whatsmeow_identity_keys", "their_id", "identity"},
	{"whatsmeow_sender_keys", "sender_id", "chat_id, sender_key"},
}

func (s *refStore) MigratePNToLID(ctx context.Context, pn, lid types.JID) error {
	from, to := pn.SignalAddressUser(), lid.SignalAddressUser()
	if from == to {
		s.r.allow.hit("migration onto itself")
		return nil
	}
	_, done := s.migrated[from]
	if done && !s.pending[from] || ctx.Err() != nil {
		err := s.SQLStore.MigratePNToLID(ctx, pn, lid)
		if !done {
			s.r.allow.hit("failed migration")
			s.renew()
		}
		return err
	}
	odd, err := s.oddMove(ctx, from, to)
	if err != nil {
		return err
	}
	s.migrated[from] = pn
	s.pending[from] = s.r.depth > 0
	switch {
	case done:
		s.r.allow.hit("move again")
	case odd:
		s.r.allow.hit("wildcard migration")
		s.renew() // marks it
	default:
		return s.SQLStore.MigratePNToLID(ctx, pn, lid)
	}
	return s.r.together(ctx, func(ctx context.Context) error {
		for _, m := range moves {
			literal := " FROM " + m.table + " WHERE our_jid=$1 AND substr(" + m.id + ", 1, length($2)+1) = $2||':'"
			move := "INSERT OR REPLACE INTO " + m.table + " (our_jid, " + m.id + ", " + m.rest + ") SELECT our_jid, $3||substr(" +
				m.id + ", length($2)+1), " + m.rest + literal
			if err := errors.Join(s.r.exec(ctx, move, s.JID, from, to), s.r.exec(ctx, "DELETE"+literal, s.JID, from)); err != nil {
				return err
			}
		}
		return nil
	})
}

// oddMove tells whether LIKE and replace() do anything else than ours.
func (s *refStore) oddMove(ctx context.Context, from, to string) (bool, error) {
	for _, m := range moves {
		n, err := s.r.number(ctx, "SELECT count(*) FROM "+m.table+" WHERE our_jid=$1 AND "+m.id+" LIKE $2||':%' AND (substr("+
			m.id+", 1, length($2)+1) <> $2||':' OR replace("+m.id+", $2, $3) <> $3||substr("+m.id+", length($2)+1)"+
			" OR $3||':0' LIKE $2||':%')", s.JID, from, to)
		if err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}

// fromHigh makes the reference count on from the highest id ever given out:
// while fn runs, a row with that id is there.
func (s *refStore) fromHigh(ctx context.Context, fn func(context.Context) error) error {
	if !s.alive || ctx.Err() != nil {
		return fn(ctx)
	}
	return s.r.together(ctx, func(ctx context.Context) error {
		highest := "SELECT COALESCE(MAX(key_id), 0) FROM whatsmeow_pre_keys WHERE jid=$1"
		top, err1 := s.r.number(ctx, highest, s.JID)
		last, err2 := s.r.number(ctx, "SELECT COALESCE(MAX(last), 0) FROM oracle_high WHERE jid=$1", s.JID)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		stand := last > top
		if stand {
			if err := s.r.exec(ctx, "INSERT INTO whatsmeow_pre_keys VALUES ($1, $2, $3, true)", s.JID, last, make([]byte, 32)); err != nil {
				return err
			}
		}
		if err := fn(ctx); err != nil {
			return err
		}
		if now, err := s.r.number(ctx, highest, s.JID); err != nil {
			return err
		} else if now > max(top, last) {
			if stand {
				s.r.allow.hit("pre-key ids")
			}
			if err := s.r.exec(ctx, "INSERT OR REPLACE INTO oracle_high VALUES ($1, $2)", s.JID, now); err != nil {
				return err
			}
		}
		if stand {
			return s.SQLStore.RemovePreKey(ctx, uint32(last))
		}
		return nil
	})
}

func (s *refStore) GenOnePreKey(ctx context.Context) (key *keys.PreKey, err error) {
	err = s.fromHigh(ctx, func(ctx context.Context) error {
		key, err = s.SQLStore.GenOnePreKey(ctx)
		return err
	})
	return key, err
}

func (s *refStore) GetOrGenPreKeys(ctx context.Context, count uint32) (list []*keys.PreKey, err error) {
	err = s.fromHigh(ctx, func(ctx context.Context) error {
		list, err = s.SQLStore.GetOrGenPreKeys(ctx, count)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (s *refStore) PutAppStateVersion(ctx context.Context, name string, version uint64, hash [128]byte) error {
	if version == 0 {
		s.r.allow.hit("version 0")
		return errRefConstraint
	}
	return s.SQLStore.PutAppStateVersion(ctx, name, version, hash)
}

func (s *refStore) PutAppStateMutationMACs(ctx context.Context, name string, version uint64, all []wmstore.AppStateMutationMAC) error {
	seen, valid := map[string]int{}, true
	var once []wmstore.AppStateMutationMAC
	for _, m := range all {
		valid = valid && len(m.IndexMAC) == 32 && len(m.ValueMAC) == 32
		if at, again := seen[string(m.IndexMAC)]; again {
			once[at] = m
			continue
		}
		seen[string(m.IndexMAC)] = len(once)
		once = append(once, m)
	}
	if !valid {
		once = all
	}
	err := s.r.whole(ctx, func() error { return s.SQLStore.PutAppStateMutationMACs(ctx, name, version, once) })
	if err == nil && len(once) < len(all) {
		s.r.allow.hit("index twice")
	}
	if s.alive && isForeignKey(err) {
		return errRefConstraint // the collection has no version
	}
	return err
}

func (s *refStore) noteContact(jid types.JID) {
	if s.r.depth > 0 {
		s.touched[jid] = true
	}
}

func (s *refStore) PutPushName(ctx context.Context, jid types.JID, name string) (bool, string, error) {
	s.noteContact(jid)
	return s.SQLStore.PutPushName(ctx, jid, name)
}

func (s *refStore) PutBusinessName(ctx context.Context, jid types.JID, name string) (bool, string, error) {
	s.noteContact(jid)
	return s.SQLStore.PutBusinessName(ctx, jid, name)
}

func (s *refStore) PutContactName(ctx context.Context, jid types.JID, first, full string) error {
	s.noteContact(jid)
	return s.SQLStore.PutContactName(ctx, jid, first, full)
}

func (s *refStore) PutAllContactNames(ctx context.Context, list []wmstore.ContactEntry) error {
	// It works in the caller's slice.
	return s.SQLStore.PutAllContactNames(ctx, slices.Clone(list))
}

func (s *refStore) PutManyRedactedPhones(ctx context.Context, list []wmstore.RedactedPhoneEntry) error {
	if err := s.SQLStore.PutManyRedactedPhones(ctx, slices.Clone(list)); err != nil {
		return err
	}
	for _, e := range list {
		s.noteContact(e.JID)
		if e.RedactedPhone != "" {
			continue
		}
		if c, err := s.SQLStore.GetContact(ctx, e.JID); err == nil && !c.Found {
			s.r.allow.hit("contact cache")
			s.renew()
		}
	}
	return nil
}

func (s *refStore) GetAllContacts(ctx context.Context) (map[types.JID]types.ContactInfo, error) {
	all, err := s.SQLStore.GetAllContacts(ctx)
	if err == nil || ctx.Err() != nil {
		return all, err
	}
	s.r.allow.hit("unreadable contact")
	rows, err := s.r.db.Query(ctx, "SELECT their_jid, COALESCE(first_name,''), COALESCE(full_name,''), COALESCE(push_name,''), "+
		"COALESCE(business_name,''), COALESCE(redacted_phone,'') FROM whatsmeow_contacts WHERE our_jid=$1", s.JID)
	if err != nil {
		return nil, err
	}
	all = map[types.JID]types.ContactInfo{}
	for rows.Next() {
		var text string
		c := types.ContactInfo{Found: true}
		if err := rows.Scan(&text, &c.FirstName, &c.FullName, &c.PushName, &c.BusinessName, &c.RedactedPhone); err != nil {
			return nil, err
		}
		if jid, err := types.ParseJID(text); err == nil {
			all[jid] = c
		}
	}
	return all, errors.Join(rows.Err(), rows.Close())
}
