package wastore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"

	"pombal/internal/store"
)

// Options are the choices of New; the zero value is right for production.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets warnings; nil drops them.
	Log *slog.Logger
	// SecretMonths is for how many months beside the current one the secrets of
	// messages are kept; 12 unless positive.
	SecretMonths int
}

// Container holds the engine's data of all devices. It is safe for concurrent
// use; there must be only one per data file.
type Container struct {
	db       *store.DB
	now      func() time.Time
	log      *slog.Logger
	lockWait time.Duration
	closed   atomic.Bool
	lids     *lidMap

	secretMonths atomic.Int64

	// devices guards stores and every change of a device row.
	devices lock
	stores  map[string]*deviceStore
}

var _ wmstore.DeviceContainer = (*Container)(nil)

// New creates the buckets that are missing and loads the map between phone
// numbers and LIDs.
func New(db *store.DB, opts Options) (*Container, error) {
	c := &Container{
		db:       db,
		now:      opts.Now,
		log:      opts.Log,
		lockWait: lockWait,
		devices:  newLock(),
		stores:   map[string]*deviceStore{},
	}
	c.KeepSecrets(opts.SecretMonths)
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.lids = newLIDMap(c)
	if err := c.createBuckets(); err != nil {
		return nil, fmt.Errorf("prepare engine data: %w", err)
	}
	if err := c.lids.load(); err != nil {
		return nil, fmt.Errorf("load LID map: %w", err)
	}
	return c, nil
}

func (c *Container) createBuckets() error {
	missing := false
	err := c.read(nil, func(snap *snapshot) error {
		for _, name := range allBuckets() {
			missing = missing || snap.bucket(flat(name)) == nil
		}
		return nil
	})
	if err != nil || !missing {
		return err
	}
	return c.write(context.Background(), func(tx *bbolt.Tx) error {
		for _, name := range allBuckets() {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close makes every later call fail with ErrClosed. It does not close the data
// file.
func (c *Container) Close() error {
	c.closed.Store(true)
	return nil
}

// NewDevice returns a device with fresh keys that is not stored yet. The engine
// saves it when pairing succeeds.
func (c *Container) NewDevice() *wmstore.Device {
	secret := make([]byte, 32)
	// Never fails: the runtime ends the process rather than return less.
	_, _ = rand.Read(secret)
	device := &wmstore.Device{
		Log:            waLog.Noop,
		Container:      c,
		NoiseKey:       keys.NewKeyPair(),
		IdentityKey:    keys.NewKeyPair(),
		RegistrationID: mathrand.Uint32(),
		AdvSecretKey:   secret,
	}
	device.SignedPreKey = device.IdentityKey.CreateSignedPreKey(1)
	return device
}

// Device loads the device with that JID, which includes a device number. It
// returns ErrNoDevice when there is none. All values returned for one JID share
// one store.
func (c *Container) Device(ctx context.Context, jid types.JID) (device *wmstore.Device, err error) {
	defer guard("Device", &err)
	if err := c.devices.acquire(ctx, c.lockWait); err != nil {
		return nil, err
	}
	defer c.devices.release()
	row, err := c.row(ctx, jid.String())
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, ErrNoDevice
	}
	device, err = row.device()
	if err != nil {
		return nil, err
	}
	id := jid
	device.ID = &id
	c.initialize(device, row.number)
	return device, nil
}

// Devices lists the JIDs of all stored devices.
func (c *Container) Devices(ctx context.Context) (jids []types.JID, err error) {
	defer guard("Devices", &err)
	err = c.view(ctx, nil, func(snap *snapshot) error {
		return snap.scan(flat(bucketDevice), nil, func(key, _ []byte) error {
			if key[0] == 0 {
				return nil
			}
			jid, err := types.ParseJID(string(key))
			if err != nil {
				return fmt.Errorf("device row: %w", err)
			}
			jids = append(jids, jid)
			return nil
		})
	})
	return jids, err
}

// PutDevice stores a device. The engine calls it through Device.Save. Keys and
// account are written once and never changed afterwards. A device that was
// stored and deleted is refused with ErrDeviceGone.
func (c *Container) PutDevice(ctx context.Context, device *wmstore.Device) (err error) {
	defer guard("PutDevice", &err)
	if device.ID == nil || device.ID.IsEmpty() {
		return ErrDeviceIDMustBeSet
	}
	if err := c.devices.acquire(ctx, c.lockWait); err != nil {
		return err
	}
	defer c.devices.release()
	number, err := c.save(ctx, device)
	if !device.Initialized {
		// Even after a failed save: the engine goes on to use the stores.
		c.initialize(device, number)
	} else if err == nil {
		c.storeFor(device.ID.String(), number)
	}
	return err
}

// save writes the device's row and returns its number, 0 when that failed.
func (c *Container) save(ctx context.Context, device *wmstore.Device) (uint32, error) {
	jid := device.ID.String()
	old, err := c.row(ctx, jid)
	if err != nil {
		return 0, err
	}
	if c.stale(device, old) {
		return 0, ErrDeviceGone
	}
	row, err := newDeviceRow(device)
	if err != nil {
		return 0, err
	}
	if old != nil {
		row = old.updated(row)
		if row.same(old) {
			return old.number, nil
		}
	}
	number := uint32(0)
	err = c.write(ctx, func(tx *bbolt.Tx) error {
		// From scratch each time: a commit may be tried again.
		fresh := *row
		b := tx.Bucket([]byte(bucketDevice))
		if old == nil {
			next, err := b.NextSequence()
			if err != nil {
				return err
			}
			fresh.number = uint32(next)
		}
		number = fresh.number
		return b.Put([]byte(jid), fresh.encode())
	})
	if err != nil {
		return 0, err
	}
	return number, nil
}

// stale tells whether device was stored once and then deleted: its row is gone
// or belongs to a later pairing with the same JID.
func (c *Container) stale(device *wmstore.Device, row *deviceRow) bool {
	if !device.Initialized {
		return false
	}
	if own, ok := device.Identities.(*deviceStore); ok {
		number := own.number.Load()
		return number != 0 && (row == nil || row.number != number)
	}
	// The stores are wrapped by somebody. A known store without a number is a
	// first save that failed.
	known := c.stores[device.ID.String()]
	return row == nil && (known == nil || known.number.Load() != 0)
}

// DeleteDevice erases a device, durably, and then returns ErrDeviceGone: after
// a nil the engine would rewrite the Device's fields under the feet of calls
// that use them. Take that error as success and never connect that client again.
func (c *Container) DeleteDevice(ctx context.Context, device *wmstore.Device) (err error) {
	defer guard("DeleteDevice", &err)
	if device.ID == nil || device.ID.IsEmpty() {
		return ErrDeviceIDMustBeSet
	}
	if err := c.devices.acquire(ctx, c.lockWait); err != nil {
		return err
	}
	defer c.devices.release()
	jid := device.ID.String()
	row, err := c.row(ctx, jid)
	if err != nil {
		return err
	}
	if !c.stale(device, row) {
		if err := c.erase(ctx, jid, row); err != nil {
			return err
		}
	}
	return ErrDeviceGone
}

// Erase removes a device by its JID, durably. It returns nil when there is no
// such device.
func (c *Container) Erase(ctx context.Context, jid types.JID) (err error) {
	defer guard("Erase", &err)
	if err := c.devices.acquire(ctx, c.lockWait); err != nil {
		return err
	}
	defer c.devices.release()
	row, err := c.row(ctx, jid.String())
	if err != nil {
		return err
	}
	return c.erase(ctx, jid.String(), row)
}

// erase removes the row, which hides all rows of the device at once, and leaves
// a tombstone for Sweep. One small commit, however much the device holds.
func (c *Container) erase(ctx context.Context, jid string, row *deviceRow) error {
	if row != nil {
		err := c.write(ctx, func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(bucketDevice))
			return errors.Join(
				b.Delete([]byte(jid)),
				b.Delete(sideKey(row.number)),
				tx.Bucket([]byte(bucketGone)).Put(numberKey(row.number), newRecord(10).int(c.now().Unix())),
			)
		})
		if err != nil {
			return err
		}
	}
	if s := c.stores[jid]; s != nil && s.number.Load() != 0 {
		// One without a number belongs to a Device that may be saved again.
		delete(c.stores, jid)
	}
	return nil
}

// row reads a device's row outside any transaction; nil when there is none.
func (c *Container) row(ctx context.Context, jid string) (row *deviceRow, err error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	err = c.read(nil, func(snap *snapshot) error {
		raw := snap.get(flat(bucketDevice), []byte(jid))
		if raw == nil {
			return nil
		}
		row, err = parseDeviceRow(raw)
		return err
	})
	return row, err
}

// initialize connects a device with the one store of its JID.
func (c *Container) initialize(device *wmstore.Device, number uint32) {
	device.SetAllStores(c.storeFor(device.ID.String(), number))
	device.LIDs = c.lids
	device.Container = c
	device.Initialized = true
}

// storeFor returns the one store of a JID. Number 0 says that a save failed, so
// that it is not known whether, and under which number, there is a row.
func (c *Container) storeFor(jid string, number uint32) *deviceStore {
	s := c.stores[jid]
	if s != nil && (number == 0 || s.number.CompareAndSwap(0, number)) {
		return s
	}
	if s == nil || s.number.Load() != number {
		s = newDeviceStore(c, jid, number)
		c.stores[jid] = s
	}
	return s
}
