package wastore

import (
	"bytes"
	"sync"
	"sync/atomic"

	"go.mau.fi/whatsmeow/proto/waAdv"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"
)

const (
	numberSize = 4
	// maxPreKeyID is the largest id that fits the protocol's three bytes.
	maxPreKeyID = 1<<24 - 1
)

// deviceStore is the store of one device. There is one value per JID, since
// its lock and its set of migrated numbers must be known to all users.
type deviceStore struct {
	c      *Container
	jid    string
	number atomic.Uint32 // 0 until the first save succeeded
	lock   lock
	queue  queue

	mu       sync.Mutex
	migrated map[string]struct{}
}

var (
	_ wmstore.AllSessionSpecificStores = (*deviceStore)(nil)
	_ wmstore.AllStores                = struct {
		*deviceStore
		*lidMap
	}{}
)

func newDeviceStore(c *Container, jid string, number uint32) *deviceStore {
	s := &deviceStore{c: c, jid: jid, lock: newLock(), migrated: map[string]struct{}{}}
	s.number.Store(number)
	return s
}

// exists tells whether raw, the row now stored under the JID, is this device's
// and not that of a later pairing.
func (s *deviceStore) exists(raw []byte) bool {
	if raw == nil {
		return false
	}
	number := uint32(parse(raw).uint())
	return number != 0 && number == s.number.Load()
}

// deviceRow is the stored form of a device.
type deviceRow struct {
	number uint32

	registration uint32
	noise        []byte
	identity     []byte
	signed       []byte
	signedID     uint32
	signedSig    []byte
	advSecret    []byte
	details      []byte
	accountSig   []byte
	accountKey   []byte
	deviceSig    []byte
	facebook     []byte

	lid          string
	platform     string
	businessName string
	pushName     string
	lidMigration int64
	nonce        string
}

func newDeviceRow(d *wmstore.Device) (*deviceRow, error) {
	switch {
	case d.Account == nil:
		return nil, invalid("device without account")
	case d.NoiseKey == nil || d.IdentityKey == nil || d.SignedPreKey == nil || d.SignedPreKey.Signature == nil:
		return nil, invalid("device without keys")
	case d.SignedPreKey.KeyID > maxPreKeyID:
		return nil, invalid("signed pre-key id %d", d.SignedPreKey.KeyID)
	case d.AdvSecretKey == nil || d.Account.Details == nil:
		return nil, invalid("device without account details")
	case len(d.Account.AccountSignature) != 64 || len(d.Account.DeviceSignature) != 64:
		return nil, invalid("length of an account signature")
	case len(d.Account.AccountSignatureKey) != 32:
		return nil, invalid("length of the account signature key")
	}
	row := &deviceRow{
		registration: d.RegistrationID,
		noise:        d.NoiseKey.Priv[:],
		identity:     d.IdentityKey.Priv[:],
		signed:       d.SignedPreKey.Priv[:],
		signedID:     d.SignedPreKey.KeyID,
		signedSig:    d.SignedPreKey.Signature[:],
		advSecret:    d.AdvSecretKey,
		details:      d.Account.Details,
		accountSig:   d.Account.AccountSignature,
		accountKey:   d.Account.AccountSignatureKey,
		deviceSig:    d.Account.DeviceSignature,
		facebook:     d.FacebookUUID[:],
		lid:          d.LID.String(),
		platform:     d.Platform,
		businessName: d.BusinessName,
		pushName:     d.PushName,
		lidMigration: d.LIDMigrationTimestamp,
		nonce:        d.CompanionMetaNonce,
	}
	return row, nil
}

// updated returns r with the fields that a later save may change. Keys and
// account stay as they were at pairing.
func (r *deviceRow) updated(from *deviceRow) *deviceRow {
	row := *r
	row.lid = from.lid
	row.platform = from.platform
	row.businessName = from.businessName
	row.pushName = from.pushName
	row.lidMigration = from.lidMigration
	row.nonce = from.nonce
	return &row
}

func (r *deviceRow) same(other *deviceRow) bool {
	return bytes.Equal(r.encode(), other.encode())
}

// encode writes the number first: it is looked at on every call.
func (r *deviceRow) encode() []byte {
	return newRecord(700).
		uint(uint64(r.number)).
		uint(uint64(r.registration)).bytes(r.noise).bytes(r.identity).
		bytes(r.signed).uint(uint64(r.signedID)).bytes(r.signedSig).
		bytes(r.advSecret).bytes(r.details).bytes(r.accountSig).bytes(r.accountKey).bytes(r.deviceSig).
		bytes(r.facebook).
		str(r.lid).str(r.platform).str(r.businessName).str(r.pushName).
		int(r.lidMigration).str(r.nonce)
}

func parseDeviceRow(raw []byte) (*deviceRow, error) {
	f := parse(raw)
	row := &deviceRow{
		number:       uint32(f.uint()),
		registration: uint32(f.uint()),
		noise:        f.exactly(32),
		identity:     f.exactly(32),
		signed:       f.exactly(32),
		signedID:     uint32(f.uint()),
		signedSig:    f.exactly(64),
		advSecret:    f.bytes(),
		details:      f.bytes(),
		accountSig:   f.bytes(),
		accountKey:   f.bytes(),
		deviceSig:    f.bytes(),
		facebook:     f.exactly(16),
		lid:          f.str(),
		platform:     f.str(),
		businessName: f.str(),
		pushName:     f.str(),
		lidMigration: f.int(),
		nonce:        f.str(),
	}
	return row, f.err
}

// device returns the engine's form of the row, without ID and stores.
func (r *deviceRow) device() (*wmstore.Device, error) {
	d := &wmstore.Device{
		Log:            waLog.Noop,
		NoiseKey:       keys.NewKeyPairFromPrivateKey([32]byte(r.noise)),
		IdentityKey:    keys.NewKeyPairFromPrivateKey([32]byte(r.identity)),
		RegistrationID: r.registration,
		AdvSecretKey:   r.advSecret,
		Account: &waAdv.ADVSignedDeviceIdentity{
			Details:             r.details,
			AccountSignature:    r.accountSig,
			AccountSignatureKey: r.accountKey,
			DeviceSignature:     r.deviceSig,
		},
		Platform:              r.platform,
		BusinessName:          r.businessName,
		PushName:              r.pushName,
		LIDMigrationTimestamp: r.lidMigration,
		CompanionMetaNonce:    r.nonce,
	}
	signature := [64]byte(r.signedSig)
	d.SignedPreKey = &keys.PreKey{
		KeyPair:   *keys.NewKeyPairFromPrivateKey([32]byte(r.signed)),
		KeyID:     r.signedID,
		Signature: &signature,
	}
	copy(d.FacebookUUID[:], r.facebook)
	if r.lid != "" {
		lid, err := types.ParseJID(r.lid)
		if err != nil {
			return nil, err
		}
		d.LID = lid
	}
	return d, nil
}
