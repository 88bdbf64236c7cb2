package wasim_test

import (
	"context"
	"crypto/rand"
	"sync"

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
