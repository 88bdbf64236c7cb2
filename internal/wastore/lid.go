package wastore

import (
	"context"
	"slices"
	"sync"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// lidPair is one fact: this LID and this phone number are the same user.
type lidPair struct{ lid, pn string }

// lidChange is what pairs change in the map: users by name, "" for none. byLID
// and byPN mirror each other, as in the map itself.
type lidChange struct {
	pairs []lidPair
	byLID map[string]string
	byPN  map[string]string
}

// lidMap is the map between LIDs and phone numbers of all devices. All of it is
// in memory, so that looking something up never waits for the file; it changes
// only after the file did.
type lidMap struct {
	c *Container
	// writing is held from planning a change until it is in memory. It is
	// taken after the locks of devices, never inside a bbolt transaction.
	writing lock

	mu    sync.RWMutex
	byLID map[string]string
	byPN  map[string]string
}

var _ wmstore.LIDStore = (*lidMap)(nil)

func newLIDMap(c *Container) *lidMap {
	return &lidMap{c: c, writing: newLock(), byLID: map[string]string{}, byPN: map[string]string{}}
}

func lidRow(user string) []byte { return append([]byte{'l'}, user...) }

func pnRow(user string) []byte { return append([]byte{'p'}, user...) }

func (m *lidMap) load() error {
	return m.c.read(nil, func(snap *snapshot) error {
		return snap.scan(flat(bucketLID), []byte{'l'}, func(key, raw []byte) error {
			f := parse(raw)
			lid, pn := string(key[1:]), f.str()
			m.byLID[lid], m.byPN[pn] = pn, lid
			return f.err
		})
	})
}

// lookup asks the transaction's own changes first.
func (m *lidMap) lookup(change *lidChange, byLID bool, user string) string {
	changed, all := change.byPN, m.byPN
	if byLID {
		changed, all = change.byLID, m.byLID
	}
	if twin, ok := changed[user]; ok {
		return twin
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return all[user]
}

// place adds a pair to a change. Neither the LID nor the number may stay with a
// former twin.
func (m *lidMap) place(change *lidChange, pair lidPair) {
	oldPN, oldLID := m.lookup(change, true, pair.lid), m.lookup(change, false, pair.pn)
	if oldLID == pair.lid {
		return
	}
	if change.byLID == nil {
		change.byLID, change.byPN = map[string]string{}, map[string]string{}
	}
	if oldPN != "" {
		change.byPN[oldPN] = ""
	}
	if oldLID != "" {
		change.byLID[oldLID] = ""
	}
	change.byLID[pair.lid], change.byPN[pair.pn] = pair.pn, pair.lid
	change.pairs = append(change.pairs, pair)
}

// planLIDs turns the transaction's pairs into writes. The map may have changed
// since they were given, so they are placed anew.
func (t *txn) planLIDs(ctx context.Context) (release func(), err error) {
	m := t.c.lids
	if err := m.writing.acquire(ctx, t.c.lockWait); err != nil {
		return nil, err
	}
	var change lidChange
	for _, pair := range t.lids.pairs {
		m.place(&change, pair)
	}
	for lid, pn := range change.byLID {
		t.set.set(flat(bucketLID), lidRow(lid), write{value: twinValue(pn)})
	}
	for pn, lid := range change.byPN {
		t.set.set(flat(bucketLID), pnRow(pn), write{value: twinValue(lid)})
	}
	t.after = append(t.after, func() { m.adopt(&change) })
	return m.writing.release, nil
}

func twinValue(user string) []byte {
	if user == "" {
		return nil
	}
	return newRecord(len(user)).str(user)
}

func (m *lidMap) adopt(change *lidChange) {
	m.mu.Lock()
	defer m.mu.Unlock()
	merge(m.byLID, change.byLID)
	merge(m.byPN, change.byPN)
}

func merge(all, changed map[string]string) {
	for user, twin := range changed {
		if twin == "" {
			delete(all, user)
		} else {
			all[user] = twin
		}
	}
}

// put adds pairs to ctx's transaction, or to one of their own.
func (m *lidMap) put(ctx context.Context, pairs []lidPair) error {
	if m.c.joined(ctx) == nil {
		// Nearly all pairs are known: then not even a transaction is begun. If
		// one is not, all are looked at in turn, since it may undo a later one.
		news := slices.ContainsFunc(pairs, func(p lidPair) bool {
			return m.lookup(&lidChange{}, false, p.pn) != p.lid
		})
		if !news {
			return m.c.ready(ctx)
		}
	}
	return m.c.atomic(ctx, nil, rides, func(ctx context.Context) error {
		t := m.c.joined(ctx)
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.done {
			return errFinished
		}
		for _, pair := range pairs {
			m.place(&t.lids, pair)
		}
		return nil
	})
}

// PutLIDMapping stores that a LID and a phone number belong together.
func (m *lidMap) PutLIDMapping(ctx context.Context, lid, pn types.JID) (err error) {
	defer guard("PutLIDMapping", &err)
	if !isPair(lid, pn) {
		return invalid("%s and %s are not a LID and a phone number", lid, pn)
	}
	return m.put(ctx, []lidPair{{lid.User, pn.User}})
}

// PutManyLIDMappings stores many pairs, all or none. It skips what is not a LID
// with a phone number.
func (m *lidMap) PutManyLIDMappings(ctx context.Context, mappings []wmstore.LIDMapping) (err error) {
	defer guard("PutManyLIDMappings", &err)
	if len(mappings) == 0 {
		return nil
	}
	pairs := make([]lidPair, 0, len(mappings))
	for _, mapping := range mappings {
		if isPair(mapping.LID, mapping.PN) {
			pairs = append(pairs, lidPair{mapping.LID.User, mapping.PN.User})
		}
	}
	return m.put(ctx, pairs)
}

func isPair(lid, pn types.JID) bool {
	return lid.Server == types.HiddenUserServer && pn.Server == types.DefaultUserServer && lid.User != "" && pn.User != ""
}

// GetPNForLID returns the phone number of a LID, with the LID's device, or an
// empty JID when it is unknown.
func (m *lidMap) GetPNForLID(ctx context.Context, lid types.JID) (pn types.JID, err error) {
	defer guard("GetPNForLID", &err)
	if lid.Server != types.HiddenUserServer {
		return types.JID{}, invalid("%s is not a LID", lid)
	}
	return m.get(ctx, lid)
}

// GetLIDForPN returns the LID of a phone number, like GetPNForLID.
func (m *lidMap) GetLIDForPN(ctx context.Context, pn types.JID) (lid types.JID, err error) {
	defer guard("GetLIDForPN", &err)
	if pn.Server != types.DefaultUserServer {
		return types.JID{}, invalid("%s is not a phone number", pn)
	}
	return m.get(ctx, pn)
}

// GetManyLIDsForPNs returns the LIDs of those phone numbers that have one.
func (m *lidMap) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (lids map[types.JID]types.JID, err error) {
	defer guard("GetManyLIDsForPNs", &err)
	if len(pns) == 0 {
		return nil, nil
	}
	lids = make(map[types.JID]types.JID, len(pns))
	for _, pn := range pns {
		if pn.Server != types.DefaultUserServer {
			continue
		}
		lid, err := m.get(ctx, pn)
		if err != nil {
			return nil, err
		}
		if !lid.IsEmpty() {
			lids[pn] = lid
		}
	}
	return lids, nil
}

func (m *lidMap) get(ctx context.Context, jid types.JID) (types.JID, error) {
	if err := m.c.ready(ctx); err != nil {
		return types.JID{}, err
	}
	t := m.c.joined(ctx)
	if t == nil {
		return m.resolve(&lidChange{}, jid), nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return m.resolve(t.pending(), jid), nil
}

// pending are the pairs not on disk yet; none once the transaction ended.
func (t *txn) pending() *lidChange {
	if t == nil || t.done {
		return &lidChange{}
	}
	return &t.lids
}

// resolve returns the twin of a JID with the same device.
func (m *lidMap) resolve(change *lidChange, jid types.JID) types.JID {
	server := types.DefaultUserServer
	switch jid.Server {
	case types.DefaultUserServer:
		server = types.HiddenUserServer
	case types.HiddenUserServer:
	default:
		return types.JID{}
	}
	user := m.lookup(change, jid.Server == types.HiddenUserServer, jid.User)
	if user == "" {
		return types.JID{}
	}
	return types.JID{User: user, Device: jid.Device, Server: server}
}

// twin is resolve without device, for use within a call of t, which is locked
// then, or outside a transaction when t is nil.
func (m *lidMap) twin(t *txn, jid types.JID) types.JID {
	return m.resolve(t.pending(), jid.ToNonAD())
}
