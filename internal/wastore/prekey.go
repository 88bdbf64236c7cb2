package wastore

import (
	"context"
	"encoding/binary"
	"errors"

	"go.mau.fi/whatsmeow/util/keys"
)

var errNoPreKeyID = errors.New("all pre-key ids are in use")

func preKeyKey(id uint32) []byte { return binary.BigEndian.AppendUint32(nil, id) }

func encodePreKey(private []byte, uploaded bool) []byte {
	return newRecord(36).flag(uploaded).bytes(private)
}

func parsePreKey(raw []byte) (private [32]byte, uploaded bool, err error) {
	f := parse(raw)
	uploaded = f.flag()
	private = [32]byte(f.exactly(32))
	return private, uploaded, f.err
}

// newPreKey computes the public key: too slow to do within a bbolt transaction.
func newPreKey(id uint32, private [32]byte) *keys.PreKey {
	return &keys.PreKey{KeyPair: *keys.NewKeyPairFromPrivateKey(private), KeyID: id}
}

// GetOrGenPreKeys returns count pre-keys that are not uploaded yet: those at
// hand first, lowest id first, then new ones.
func (s *deviceStore) GetOrGenPreKeys(ctx context.Context, count uint32) (list []*keys.PreKey, err error) {
	defer guard("GetOrGenPreKeys", &err)
	if count == 0 {
		return nil, nil
	}
	err = s.c.atomic(ctx, s, waits, func(ctx context.Context) error {
		list, err = s.unuploaded(ctx, int(count))
		if err != nil || len(list) == int(count) {
			return err
		}
		fresh, err := s.generate(ctx, int(count)-len(list), false)
		list = append(list, fresh...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// GenOnePreKey returns a new pre-key that counts as uploaded at once: it goes
// into a retry receipt.
func (s *deviceStore) GenOnePreKey(ctx context.Context) (key *keys.PreKey, err error) {
	defer guard("GenOnePreKey", &err)
	err = s.c.atomic(ctx, s, waits, func(ctx context.Context) error {
		fresh, err := s.generate(ctx, 1, true)
		if err != nil {
			return err
		}
		key = fresh[0]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}

func (s *deviceStore) unuploaded(ctx context.Context, limit int) (list []*keys.PreKey, err error) {
	var ids []uint32
	var privates [][32]byte
	err = s.view(ctx, func(d *deviceTx) error {
		return d.scan(flat(bucketPreKey), nil, func(id, raw []byte) error {
			private, uploaded, err := parsePreKey(raw)
			if err == nil && !uploaded && len(ids) < limit {
				ids, privates = append(ids, binary.BigEndian.Uint32(id)), append(privates, private)
			}
			return err
		})
	})
	for i, id := range ids {
		list = append(list, newPreKey(id, privates[i]))
	}
	return list, err
}

// generate makes and stores new pre-keys. The keys are computed while no bbolt
// transaction is open; 812 of them take a while.
func (s *deviceStore) generate(ctx context.Context, count int, uploaded bool) (list []*keys.PreKey, err error) {
	var ids []uint32
	err = s.view(ctx, func(d *deviceTx) error {
		if !d.alive {
			return ErrDeviceGone
		}
		ids, err = d.nextPreKeyIDs(count)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		list = append(list, keys.NewPreKey(id))
	}
	err = s.update(ctx, waits, func(d *deviceTx) error {
		for _, key := range list {
			if err := d.put(flat(bucketPreKey), preKeyKey(key.KeyID), encodePreKey(key.Priv[:], uploaded)); err != nil {
				return err
			}
		}
		return d.setLastPreKeyID(ids[len(ids)-1])
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// nextPreKeyIDs continues after the last id ever given out, so that an id the
// server still holds is never given to another key. After the largest id it
// starts again at 1 and steps over the ones still here.
func (d *deviceTx) nextPreKeyIDs(count int) ([]uint32, error) {
	last, err := d.lastPreKeyID()
	if err != nil {
		return nil, err
	}
	ids := make([]uint32, 0, count)
	for range maxPreKeyID {
		last = last%maxPreKeyID + 1
		if d.get(flat(bucketPreKey), preKeyKey(last)) != nil {
			continue
		}
		if ids = append(ids, last); len(ids) == count {
			return ids, nil
		}
	}
	return nil, errNoPreKeyID
}

// The last id given out lies beside the device row: it must not go with the
// keys, and saving a device must not rewrite it.
func (d *deviceTx) lastPreKeyID() (uint32, error) {
	raw := d.snap.get(flat(bucketDevice), sideKey(d.num))
	if raw == nil {
		return 0, nil
	}
	f := parse(raw)
	return uint32(f.uint()), f.err
}

func (d *deviceTx) setLastPreKeyID(id uint32) error {
	if !d.alive {
		return ErrDeviceGone
	}
	d.set.set(flat(bucketDevice), sideKey(d.num), write{value: newRecord(4).uint(uint64(id))})
	d.set.owners[d.store] = struct{}{}
	return nil
}

// GetPreKey returns a pre-key, nil when there is none with that id.
func (s *deviceStore) GetPreKey(ctx context.Context, id uint32) (key *keys.PreKey, err error) {
	defer guard("GetPreKey", &err)
	var private [32]byte
	found := false
	err = s.view(ctx, func(d *deviceTx) error {
		raw := d.get(flat(bucketPreKey), preKeyKey(id))
		if raw == nil {
			return nil
		}
		found = true
		private, _, err = parsePreKey(raw)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	return newPreKey(id, private), nil
}

// RemovePreKey forgets a pre-key; a missing one is no error.
func (s *deviceStore) RemovePreKey(ctx context.Context, id uint32) (err error) {
	defer guard("RemovePreKey", &err)
	return s.update(ctx, rides, func(d *deviceTx) error {
		d.delete(flat(bucketPreKey), preKeyKey(id))
		return nil
	})
}

// MarkPreKeysAsUploaded marks every pre-key with an id up to the given one.
func (s *deviceStore) MarkPreKeysAsUploaded(ctx context.Context, upToID uint32) (err error) {
	defer guard("MarkPreKeysAsUploaded", &err)
	return s.update(ctx, waits, func(d *deviceTx) error {
		return d.scan(flat(bucketPreKey), nil, func(id, raw []byte) error {
			private, uploaded, err := parsePreKey(raw)
			if err != nil || uploaded || binary.BigEndian.Uint32(id) > upToID {
				return err
			}
			return d.put(flat(bucketPreKey), id, encodePreKey(private[:], true))
		})
	})
}

// UploadedPreKeyCount counts the pre-keys that were uploaded and not used yet.
func (s *deviceStore) UploadedPreKeyCount(ctx context.Context) (count int, err error) {
	defer guard("UploadedPreKeyCount", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		return d.scan(flat(bucketPreKey), nil, func(_, raw []byte) error {
			f := parse(raw)
			if f.flag() {
				count++
			}
			return f.err
		})
	})
	return count, err
}
