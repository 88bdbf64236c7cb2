package store_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.mau.fi/whatsmeow/proto/waAdv"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/store"
	"pombal/internal/wastore"
	"pombal/internal/webhook"
)

// rig is a data file with both its users, the application and the engine, on a
// clock that stands still.
type rig struct {
	db   *store.DB
	keys *wastore.Container
}

func openRig(path string, opts store.Options) (*rig, error) {
	opts.Now = func() time.Time { return start }
	db, err := store.Open(path, opts)
	if err != nil {
		return nil, err
	}
	keys, err := wastore.New(db, wastore.Options{Now: opts.Now})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &rig{db: db, keys: keys}, nil
}

func (r *rig) close() error { return errors.Join(r.keys.Close(), r.db.Close()) }

// driver runs one seeded sequence of operations on one instance and its device.
// Two drivers with the same name and seed do the same.
type driver struct {
	*rig
	name   string
	source *rand.PCG
	rng    *rand.Rand
	device *wmstore.Device
	step   int
}

// newDriver finds or makes the instance, its webhook and its device.
func newDriver(t testing.TB, r *rig, name string, seed uint64) *driver {
	t.Helper()
	source := rand.NewPCG(seed, uint64(len(name)))
	d := &driver{rig: r, name: name, source: source, rng: rand.New(source)}
	newInstance(t, r.db, name)
	newWebhook(t, r.db, name, name+"-hook")
	jid := types.JID{User: fmt.Sprint(hash(name)), Device: 1, Server: types.DefaultUserServer}
	d.device = r.keys.NewDevice()
	d.device.ID = &jid
	d.device.Account = &waAdv.ADVSignedDeviceIdentity{
		Details: []byte("details"), AccountSignature: make([]byte, 64), AccountSignatureKey: make([]byte, 32),
		DeviceSignature: make([]byte, 64),
	}
	if err := d.device.Save(context.Background()); err != nil {
		t.Fatalf("save device of %s: %v", name, err)
	}
	return d
}

func hash(text string) uint32 {
	h := fnv.New32a()
	_, _ = io.WriteString(h, text)
	return h.Sum32()
}

// next does one operation and says whether it was a barrier: all up to it is
// on disk then.
func (d *driver) next(ctx context.Context) (barrier bool, err error) {
	d.step++
	peer := fmt.Sprintf("%d:0", d.rng.IntN(20))
	value := []byte(strings.Repeat(fmt.Sprint(d.step, " "), 1+d.rng.IntN(300)))
	chat := types.NewJID(peer[:len(peer)-2], types.DefaultUserServer)
	switch kind := d.rng.IntN(10); kind {
	case 0, 1, 2:
		return false, d.receive(ctx, peer, value)
	case 3:
		return false, d.device.MsgSecrets.PutMessageSecret(ctx, chat, chat, fmt.Sprint(d.step), value[:8%len(value)])
	case 4:
		return false, d.device.EventBuffer.AddOutgoingEvent(ctx, chat, fmt.Sprint(d.step), "wa", value)
	case 5:
		return false, d.device.Contacts.PutContactName(ctx, chat, fmt.Sprint(d.step), "full")
	case 6:
		return true, d.device.Sessions.PutManySessions(ctx, map[string][]byte{peer: value, "99:0": value})
	case 7:
		return true, d.settle(ctx)
	default:
		_, err := d.db.AppendEvents(ctx, message(d.name, fmt.Sprint(d.step)))
		return true, err
	}
}

// receive makes the engine's calls for one message.
func (d *driver) receive(ctx context.Context, peer string, value []byte) error {
	sum := [32]byte{byte(d.step), byte(d.step >> 8)}
	return d.device.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		return errors.Join(
			d.device.Identities.PutIdentity(ctx, peer, [32]byte{byte(len(value))}),
			d.device.Sessions.PutSession(ctx, peer, value),
			d.device.EventBuffer.PutBufferedEvent(ctx, sum, value, start),
		)
	})
}

// settle delivers what is first in the lane.
func (d *driver) settle(ctx context.Context) error {
	job, _, ok, err := d.db.Next(ctx, d.name+"-hook", start.AddDate(1, 0, 0))
	if err != nil {
		return err
	}
	if !ok {
		return d.db.Flush(ctx)
	}
	job.Delivery.Status = webhook.StatusDelivered
	if err := d.db.Settle(ctx, job.Delivery); err != nil {
		return err
	}
	return d.db.Flush(ctx) // settling twice changes nothing, which is no barrier
}

// dump sums up all that the file holds of the driver, random ids left out.
// number is the device's number in the file.
func (d *driver) dump(t testing.TB) string { return dumpOf(t, d.rig, d.name, d.number(t)) }

// number finds the device's number: the fields of its row start with it.
func (d *driver) number(t testing.TB) string { return numberOf(t, d.rig, d.name) }

func numberOf(t testing.TB, r *rig, name string) string {
	t.Helper()
	jid := types.JID{User: fmt.Sprint(hash(name)), Device: 1, Server: types.DefaultUserServer}
	var number string
	err := r.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("wa.gone"))
		if c == nil {
			return errors.New("no engine data")
		}
		raw := tx.Bucket([]byte("wa.dev")).Get([]byte(jid.String()))
		if len(raw) < 3 {
			return fmt.Errorf("no device of %s", name)
		}
		number = string([]byte{0, 0, 0, raw[2]})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func dumpOf(t testing.TB, r *rig, name, number string) string {
	t.Helper()
	sum := fnv.New128a()
	err := r.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(bucket []byte, b *bbolt.Bucket) error {
			return dumpBucket(sum, string(bucket), b, name, number)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func dumpBucket(w io.Writer, place string, b *bbolt.Bucket, name, number string) error {
	return b.ForEach(func(key, value []byte) error {
		if value == nil && b.Bucket(key) != nil {
			return dumpBucket(w, place+"/"+string(key), b.Bucket(key), name, number)
		}
		engine := strings.HasPrefix(place, "wa.")
		switch {
		case engine && (place == "wa.dev" || !strings.HasPrefix(string(key), number)):
			return nil
		case engine:
			key = key[len(number):]
		case place == "out" || place == "log":
			if !strings.HasPrefix(string(key), name+"-hook\x00") {
				return nil
			}
			// The number of a delivery counts over all lanes.
			key, value = []byte(name), nil
		case place == "ev":
			if !strings.HasPrefix(string(key), name+"\x00") {
				return nil
			}
			value = nil // holds a random id
		case place == "ev.key" || place == "ev.seq":
			if !strings.HasPrefix(string(key), name) {
				return nil
			}
		default:
			return nil
		}
		_, err := fmt.Fprintf(w, "%s %x %x\n", place, key, value)
		return err
	})
}
