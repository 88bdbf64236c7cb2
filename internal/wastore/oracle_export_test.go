package wastore

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// ErrDuplicate and ErrBusy let tests outside tell these failures from others.
var (
	ErrDuplicate = errDuplicate
	ErrBusy      = errBusy
)

// Show writes bytes short and unambiguously enough to compare them. Null and
// empty look the same, as they do to the engine.
func Show(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	if len(b) <= 4 {
		return hex.EncodeToString(b)
	}
	h := fnv.New64a()
	_, _ = h.Write(b)
	return fmt.Sprintf("%d:%x", len(b), h.Sum64())
}

// dumper writes all rows as lines that do not depend on how they are stored.
type dumper struct {
	tx      *bbolt.Tx
	devices map[uint32]string
	lines   []string
}

func (d *dumper) add(parts ...any) {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('|')
		}
		fmt.Fprint(&b, p)
	}
	d.lines = append(d.lines, b.String())
}

// Dump shows everything on disk, after all that was accepted before, and the
// map in memory; sorted. Rows of a deleted device are left out while a
// tombstone says that they will be swept.
func (c *Container) Dump() ([]string, error) {
	d := &dumper{devices: map[uint32]string{}}
	// Nothing overtakes: what was queued before this commit is in the file.
	if err := c.db.Update(context.Background(), func(*bbolt.Tx) error { return nil }); err != nil {
		return nil, err
	}
	err := c.db.View(func(tx *bbolt.Tx) error {
		d.tx = tx
		for _, part := range []func() error{d.dumpDevices, d.dumpFlat, d.dumpParts, d.dumpLIDs} {
			if err := part(); err != nil {
				return err
			}
		}
		return nil
	})
	c.lids.mu.RLock()
	defer c.lids.mu.RUnlock()
	for lid, pn := range c.lids.byLID {
		d.add("memlid", lid, pn)
	}
	for pn, lid := range c.lids.byPN {
		d.add("mempn", pn, lid)
	}
	slices.Sort(d.lines)
	return d.lines, err
}

func (d *dumper) dumpDevices() error {
	high := map[uint32]uint64{}
	err := d.tx.Bucket([]byte(bucketDevice)).ForEach(func(key, raw []byte) error {
		if key[0] == 0 {
			f := parse(raw)
			high[binary.BigEndian.Uint32(key[1:])] = f.uint()
			return f.err
		}
		r, err := parseDeviceRow(raw)
		if err != nil {
			return err
		}
		d.devices[r.number] = string(key)
		d.add("dev", string(key), r.registration, Show(r.noise), Show(r.identity), Show(r.signed), r.signedID,
			Show(r.signedSig), Show(r.advSecret), Show(r.details), Show(r.accountSig), Show(r.accountKey),
			Show(r.deviceSig), hex.EncodeToString(r.facebook), r.lid, r.platform, r.businessName, r.pushName,
			r.lidMigration, r.nonce)
		return nil
	})
	for number, last := range high {
		d.add("high", d.device(numberKey(number)), last)
	}
	return err
}

// device names the owner of a row, "" when that was deleted and waits for the
// sweeper.
func (d *dumper) device(key []byte) string {
	number := binary.BigEndian.Uint32(key)
	if jid := d.devices[number]; jid != "" {
		return jid
	}
	if d.tx.Bucket([]byte(bucketGone)).Get(numberKey(number)) != nil {
		return ""
	}
	return fmt.Sprint("nobody: ", number)
}

func (d *dumper) dumpFlat() error {
	for _, bucket := range flatBuckets() {
		err := d.tx.Bucket([]byte(bucket)).ForEach(func(key, raw []byte) error {
			jid := d.device(key)
			if jid == "" {
				return nil
			}
			f := parse(raw)
			d.flatRow(bucket, jid, string(key[numberSize:]), f)
			return f.err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", bucket, err)
		}
	}
	return nil
}

func (d *dumper) flatRow(bucket, jid, key string, f *fields) {
	switch bucket {
	case bucketSession, bucketIdentity, bucketSalt:
		d.add(bucket, jid, key, Show(f.bytes()))
	case bucketSender:
		user, group, _ := strings.Cut(key, "\x00")
		d.add(bucket, jid, user, group, Show(f.bytes()))
	case bucketPreKey:
		d.add(bucket, jid, binary.BigEndian.Uint32([]byte(key)), f.flag())
	case bucketSyncKey:
		d.add(bucket, jid, Show([]byte(key)), f.int(), Show(f.bytes()), Show(f.bytes()))
	case bucketVersion:
		d.add(bucket, jid, key, f.uint(), Show(f.bytes()))
	case bucketMAC:
		name, rest, _ := strings.Cut(key, "\x00")
		index, version := rest[:macSize], rest[macSize:]
		d.add(bucket, jid, name, Show([]byte(index)), binary.BigEndian.Uint64([]byte(version)), Show(f.bytes()))
	case bucketContact:
		d.add(bucket, jid, key, f.str(), f.str(), f.str(), f.str(), f.str())
	case bucketChat:
		d.add(bucket, jid, key, f.int(), f.flag(), f.flag())
	case bucketToken:
		at, token, sent := f.int(), f.bytes(), f.int()
		d.add(bucket, jid, key, at, Show(token), sent)
	}
}

// dumpParts shows of several rows with one key the newest, which hides the
// others.
func (d *dumper) dumpParts() error {
	for _, bucket := range partedBuckets() {
		seen := map[string]bool{}
		b := d.tx.Bucket([]byte(bucket))
		for _, part := range slices.Backward(partNames(b)) {
			err := b.Bucket([]byte(part)).ForEach(func(key, raw []byte) error {
				jid := d.device(key)
				if jid == "" || seen[string(key)] {
					return nil
				}
				seen[string(key)] = true
				f := parse(raw)
				d.partRow(bucket, part, jid, string(key[numberSize:]), f)
				return f.err
			})
			if err != nil {
				return fmt.Errorf("%s/%s: %w", bucket, part, err)
			}
		}
	}
	return nil
}

func (d *dumper) partRow(bucket, part, jid, key string, f *fields) {
	names := strings.Split(key, "\x00")
	for i, name := range names {
		names[i] = strings.NewReplacer("\x01\x01", "\x00", "\x01\x02", "\x01").Replace(name)
	}
	switch bucket {
	case bucketBuffer:
		inserted, server, plain := f.int(), f.int(), f.bytes()
		d.add(bucket, jid, Show([]byte(key)), inserted, server, Show(plain))
	case bucketOutgoing:
		at, format, plain := f.int(), f.str(), f.bytes()
		d.add(bucket, jid, names[0], names[1], at, format, Show(plain))
	case bucketSecret:
		d.add(bucket, jid, part, names[0], names[1], names[2], Show(f.bytes()))
	}
}

func (d *dumper) dumpLIDs() error {
	return d.tx.Bucket([]byte(bucketLID)).ForEach(func(key, raw []byte) error {
		f := parse(raw)
		if key[0] == 'l' {
			d.add("lid", string(key[1:]), f.str())
		} else {
			d.add("pn", string(key[1:]), f.str())
		}
		return f.err
	})
}
