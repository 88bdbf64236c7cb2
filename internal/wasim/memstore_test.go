package wasim_test

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// memory is a whatsmeow store in memory, for one device.
type memory struct {
	mu         sync.Mutex
	deleted    bool
	identities map[string][32]byte
	sessions   map[string][]byte
	preKeys    map[uint32]*keys.PreKey
	uploaded   uint32
	lastKey    uint32
	senderKeys map[string][]byte
	stateKeys  map[string]store.AppStateSyncKey
	lastState  []byte
	versions   map[string]uint64
	hashes     map[string][128]byte
	macs       map[string][]byte
	contacts   map[types.JID]types.ContactInfo
	secrets    map[string][]byte
	tokens     map[types.JID]store.PrivacyToken
	salt       []byte
	buffer     map[[32]byte]*store.BufferedEvent
	lids, pns  map[string]string
}

var (
	_ store.AllStores       = (*memory)(nil)
	_ store.DeviceContainer = (*memory)(nil)
)

// newDevice returns an unlinked device on a store of its own.
func newDevice() *store.Device {
	m := &memory{
		identities: map[string][32]byte{}, sessions: map[string][]byte{}, preKeys: map[uint32]*keys.PreKey{},
		senderKeys: map[string][]byte{}, stateKeys: map[string]store.AppStateSyncKey{}, versions: map[string]uint64{},
		hashes: map[string][128]byte{}, macs: map[string][]byte{}, contacts: map[types.JID]types.ContactInfo{},
		secrets: map[string][]byte{}, tokens: map[types.JID]store.PrivacyToken{}, buffer: map[[32]byte]*store.BufferedEvent{},
		lids: map[string]string{}, pns: map[string]string{},
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	d := &store.Device{
		Log: waLog.Noop, Container: m, NoiseKey: keys.NewKeyPair(), IdentityKey: keys.NewKeyPair(),
		RegistrationID: 4711, AdvSecretKey: secret, LIDs: m,
	}
	d.SignedPreKey = d.IdentityKey.CreateSignedPreKey(1)
	d.SetAllStores(m)
	d.Initialized = true
	return d
}

func (m *memory) PutDevice(context.Context, *store.Device) error { return nil }

func (m *memory) DeleteDevice(context.Context, *store.Device) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deleted = true
	return nil
}

func (m *memory) PutIdentity(_ context.Context, a string, k [32]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.identities[a] = k
	return nil
}

func (m *memory) DeleteAllIdentities(_ context.Context, phone string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for a := range m.identities {
		if strings.HasPrefix(a, phone+":") {
			delete(m.identities, a)
		}
	}
	return nil
}

func (m *memory) DeleteIdentity(_ context.Context, a string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.identities, a)
	return nil
}

func (m *memory) IsTrustedIdentity(_ context.Context, a string, k [32]byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.identities[a]
	return !ok || known == k, nil
}

func (m *memory) GetSession(_ context.Context, a string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[a], nil
}

func (m *memory) HasSession(_ context.Context, a string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[a] != nil, nil
}

func (m *memory) GetManySessions(_ context.Context, list []string) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][]byte{}
	for _, a := range list {
		out[a] = m.sessions[a]
	}
	return out, nil
}

func (m *memory) PutSession(_ context.Context, a string, s []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[a] = s
	return nil
}

func (m *memory) PutManySessions(_ context.Context, all map[string][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for a, s := range all {
		m.sessions[a] = s
	}
	return nil
}

func (m *memory) DeleteAllSessions(_ context.Context, phone string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for a := range m.sessions {
		if strings.HasPrefix(a, phone+":") {
			delete(m.sessions, a)
		}
	}
	return nil
}

func (m *memory) DeleteSession(_ context.Context, a string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, a)
	return nil
}

func (m *memory) MigratePNToLID(_ context.Context, pn, lid types.JID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to := pn.SignalAddressUser()+":", lid.SignalAddressUser()+":"
	for a, s := range m.sessions {
		if rest, ok := strings.CutPrefix(a, from); ok {
			m.sessions[to+rest] = s
			delete(m.sessions, a)
		}
	}
	for a, k := range m.identities {
		if rest, ok := strings.CutPrefix(a, from); ok {
			m.identities[to+rest] = k
			delete(m.identities, a)
		}
	}
	return nil
}

func (m *memory) gen() *keys.PreKey {
	m.lastKey++
	k := keys.NewPreKey(m.lastKey)
	m.preKeys[k.KeyID] = k
	return k
}

func (m *memory) GetOrGenPreKeys(_ context.Context, count uint32) ([]*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*keys.PreKey
	for id, k := range m.preKeys {
		if id > m.uploaded && uint32(len(out)) < count {
			out = append(out, k)
		}
	}
	for uint32(len(out)) < count {
		out = append(out, m.gen())
	}
	slices.SortFunc(out, func(a, b *keys.PreKey) int { return int(a.KeyID) - int(b.KeyID) })
	return out, nil
}

func (m *memory) GenOnePreKey(context.Context) (*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gen(), nil
}

func (m *memory) GetPreKey(_ context.Context, id uint32) (*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.preKeys[id], nil
}

func (m *memory) RemovePreKey(_ context.Context, id uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.preKeys, id)
	return nil
}

func (m *memory) MarkPreKeysAsUploaded(_ context.Context, upTo uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uploaded = max(m.uploaded, upTo)
	return nil
}

func (m *memory) UploadedPreKeyCount(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id := range m.preKeys {
		if id <= m.uploaded {
			n++
		}
	}
	return n, nil
}

func (m *memory) PutSenderKey(_ context.Context, group, user string, s []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.senderKeys[group+"|"+user] = s
	return nil
}

func (m *memory) GetSenderKey(_ context.Context, group, user string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.senderKeys[group+"|"+user], nil
}

func (m *memory) PutAppStateSyncKey(_ context.Context, id []byte, k store.AppStateSyncKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stateKeys[string(id)], m.lastState = k, id
	return nil
}

func (m *memory) GetAppStateSyncKey(_ context.Context, id []byte) (*store.AppStateSyncKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.stateKeys[string(id)]; ok {
		return &k, nil
	}
	return nil, nil
}

func (m *memory) GetLatestAppStateSyncKeyID(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lastState, nil
}

func (m *memory) GetAllAppStateSyncKeys(context.Context) ([]*store.AppStateSyncKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*store.AppStateSyncKey
	for _, k := range m.stateKeys {
		out = append(out, &k)
	}
	return out, nil
}

func (m *memory) PutAppStateVersion(_ context.Context, name string, v uint64, h [128]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.versions[name], m.hashes[name] = v, h
	return nil
}

func (m *memory) GetAppStateVersion(_ context.Context, name string) (uint64, [128]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.versions[name], m.hashes[name], nil
}

func (m *memory) DeleteAppStateVersion(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.versions, name)
	delete(m.hashes, name)
	return nil
}

func (m *memory) PutAppStateMutationMACs(_ context.Context, name string, _ uint64, list []store.AppStateMutationMAC) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range list {
		m.macs[name+string(x.IndexMAC)] = x.ValueMAC
	}
	return nil
}

func (m *memory) DeleteAppStateMutationMACs(_ context.Context, name string, list [][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range list {
		delete(m.macs, name+string(x))
	}
	return nil
}

func (m *memory) GetAppStateMutationMAC(_ context.Context, name string, index []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.macs[name+string(index)], nil
}

func (m *memory) contact(j types.JID, change func(*types.ContactInfo)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.contacts[j]
	c.Found = true
	change(&c)
	m.contacts[j] = c
}

func (m *memory) PutPushName(_ context.Context, j types.JID, name string) (changed bool, before string, err error) {
	m.contact(j, func(c *types.ContactInfo) { changed, before, c.PushName = c.PushName != name, c.PushName, name })
	return changed, before, nil
}

func (m *memory) PutBusinessName(_ context.Context, j types.JID, name string) (changed bool, before string, err error) {
	m.contact(j, func(c *types.ContactInfo) {
		changed, before, c.BusinessName = c.BusinessName != name, c.BusinessName, name
	})
	return changed, before, nil
}

func (m *memory) PutContactName(_ context.Context, j types.JID, full, first string) error {
	m.contact(j, func(c *types.ContactInfo) { c.FullName, c.FirstName = full, first })
	return nil
}

func (m *memory) PutAllContactNames(ctx context.Context, all []store.ContactEntry) error {
	for _, e := range all {
		if err := m.PutContactName(ctx, e.JID, e.FullName, e.FirstName); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) PutManyRedactedPhones(context.Context, []store.RedactedPhoneEntry) error { return nil }

func (m *memory) GetContact(_ context.Context, j types.JID) (types.ContactInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.contacts[j], nil
}

func (m *memory) GetAllContacts(context.Context) (map[types.JID]types.ContactInfo, error) {
	return map[types.JID]types.ContactInfo{}, nil
}

func (m *memory) PutMutedUntil(context.Context, types.JID, time.Time) error { return nil }
func (m *memory) PutPinned(context.Context, types.JID, bool) error          { return nil }
func (m *memory) PutArchived(context.Context, types.JID, bool) error        { return nil }

func (m *memory) GetChatSettings(context.Context, types.JID) (types.LocalChatSettings, error) {
	return types.LocalChatSettings{}, nil
}

func (m *memory) PutMessageSecrets(ctx context.Context, all []store.MessageSecretInsert) error {
	for _, x := range all {
		if err := m.PutMessageSecret(ctx, x.Chat, x.Sender, x.ID, x.Secret); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) PutMessageSecret(_ context.Context, chat, sender types.JID, id types.MessageID, secret []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secrets[chat.String()+sender.String()+id] = secret
	return nil
}

func (m *memory) GetMessageSecret(_ context.Context, chat, sender types.JID, id types.MessageID) ([]byte, types.JID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.secrets[chat.String()+sender.String()+id], sender, nil
}

func (m *memory) PutPrivacyTokens(_ context.Context, list ...store.PrivacyToken) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range list {
		m.tokens[x.User] = x
	}
	return nil
}

func (m *memory) GetPrivacyToken(_ context.Context, j types.JID) (*store.PrivacyToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x, ok := m.tokens[j]; ok {
		return &x, nil
	}
	return nil, nil
}

func (m *memory) DeleteExpiredPrivacyTokens(context.Context, time.Time) (int64, error) { return 0, nil }

func (m *memory) PutNCTSalt(_ context.Context, salt []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.salt = salt
	return nil
}

func (m *memory) GetNCTSalt(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.salt, nil
}

func (m *memory) DeleteNCTSalt(context.Context) error { return m.PutNCTSalt(context.Background(), nil) }

func (m *memory) GetBufferedEvent(_ context.Context, h [32]byte) (*store.BufferedEvent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x := m.buffer[h]; x != nil {
		clone := *x
		return &clone, nil
	}
	return nil, nil
}

func (m *memory) PutBufferedEvent(_ context.Context, h [32]byte, plain []byte, t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.buffer[h] = &store.BufferedEvent{Plaintext: slices.Clone(plain), InsertTime: time.Now(), ServerTime: t}
	return nil
}

func (m *memory) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	return fn(ctx)
}

func (m *memory) ClearBufferedEventPlaintext(_ context.Context, h [32]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x := m.buffer[h]; x != nil {
		x.Plaintext = nil
	}
	return nil
}

func (m *memory) DeleteOldBufferedHashes(context.Context) error { return nil }

func (m *memory) GetOutgoingEvent(context.Context, types.JID, types.JID, types.MessageID) (string, []byte, error) {
	return "", nil, nil
}

func (m *memory) AddOutgoingEvent(context.Context, types.JID, types.MessageID, string, []byte) error {
	return nil
}

func (m *memory) DeleteOldOutgoingEvents(context.Context) error { return nil }

func (m *memory) PutManyLIDMappings(ctx context.Context, all []store.LIDMapping) error {
	for _, x := range all {
		if err := m.PutLIDMapping(ctx, x.LID, x.PN); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) PutLIDMapping(_ context.Context, lid, pn types.JID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pns[lid.User], m.lids[pn.User] = pn.User, lid.User
	return nil
}

// GetPNForLID keeps the device number, as the engine's own store does.
func (m *memory) GetPNForLID(_ context.Context, lid types.JID) (types.JID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if user := m.pns[lid.User]; user != "" {
		return types.JID{User: user, Device: lid.Device, Server: types.DefaultUserServer}, nil
	}
	return types.EmptyJID, nil
}

func (m *memory) GetLIDForPN(_ context.Context, pn types.JID) (types.JID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if user := m.lids[pn.User]; user != "" {
		return types.JID{User: user, Device: pn.Device, Server: types.HiddenUserServer}, nil
	}
	return types.EmptyJID, nil
}

func (m *memory) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	out := map[types.JID]types.JID{}
	for _, pn := range pns {
		if lid, _ := m.GetLIDForPN(ctx, pn); !lid.IsEmpty() {
			out[pn] = lid
		}
	}
	return out, nil
}
