package wastore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	wmstore "go.mau.fi/whatsmeow/store"
)

const macSize = 32

func encodeSyncKey(key wmstore.AppStateSyncKey) []byte {
	return newRecord(len(key.Data) + len(key.Fingerprint)).int(key.Timestamp).bytes(key.Data).bytes(key.Fingerprint)
}

func parseSyncKey(raw []byte) (*wmstore.AppStateSyncKey, error) {
	f := parse(raw)
	key := &wmstore.AppStateSyncKey{Timestamp: f.int(), Data: f.bytes(), Fingerprint: f.bytes()}
	return key, f.err
}

// PutAppStateSyncKey stores a key unless one as new or newer is there.
func (s *deviceStore) PutAppStateSyncKey(ctx context.Context, id []byte, key wmstore.AppStateSyncKey) (err error) {
	defer guard("PutAppStateSyncKey", &err)
	if key.Data == nil || key.Fingerprint == nil {
		return invalid("app state key without data or fingerprint")
	}
	return s.update(ctx, rides, func(d *deviceTx) error {
		if raw := d.get(flat(bucketSyncKey), id); raw != nil {
			old, err := parseSyncKey(raw)
			if err != nil || key.Timestamp <= old.Timestamp {
				return err
			}
		}
		return d.put(flat(bucketSyncKey), id, encodeSyncKey(key))
	})
}

// GetAppStateSyncKey returns a key, nil when there is none with that id.
func (s *deviceStore) GetAppStateSyncKey(ctx context.Context, id []byte) (key *wmstore.AppStateSyncKey, err error) {
	defer guard("GetAppStateSyncKey", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		raw := d.get(flat(bucketSyncKey), id)
		if raw == nil {
			return nil
		}
		key, err = parseSyncKey(raw)
		return err
	})
	return key, err
}

// GetLatestAppStateSyncKeyID returns the id of the newest key; the smallest id
// of several equally new ones; nil when there is no key.
func (s *deviceStore) GetLatestAppStateSyncKeyID(ctx context.Context) (id []byte, err error) {
	defer guard("GetLatestAppStateSyncKeyID", &err)
	var newest int64
	err = s.view(ctx, func(d *deviceTx) error {
		return d.scan(flat(bucketSyncKey), nil, func(key, raw []byte) error {
			f := parse(raw)
			if at := f.int(); id == nil || at > newest {
				id, newest = append([]byte{}, key...), at
			}
			return f.err
		})
	})
	return id, err
}

// GetAllAppStateSyncKeys returns all keys, newest first.
func (s *deviceStore) GetAllAppStateSyncKeys(ctx context.Context) (list []*wmstore.AppStateSyncKey, err error) {
	defer guard("GetAllAppStateSyncKeys", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		return d.scan(flat(bucketSyncKey), nil, func(_, raw []byte) error {
			key, err := parseSyncKey(raw)
			list = append(list, key)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b *wmstore.AppStateSyncKey) int { return cmp.Compare(b.Timestamp, a.Timestamp) })
	return list, nil
}

// PutAppStateVersion stores the version and hash of a collection. Version 0
// means none, so it is refused.
func (s *deviceStore) PutAppStateVersion(ctx context.Context, name string, version uint64, hash [128]byte) (err error) {
	defer guard("PutAppStateVersion", &err)
	if version == 0 {
		return invalid("app state version 0")
	}
	return s.update(ctx, rides, func(d *deviceTx) error {
		return d.put(flat(bucketVersion), []byte(name), newRecord(140).uint(version).bytes(hash[:]))
	})
}

// GetAppStateVersion returns zero values when nothing is stored.
func (s *deviceStore) GetAppStateVersion(ctx context.Context, name string) (version uint64, hash [128]byte, err error) {
	defer guard("GetAppStateVersion", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		raw := d.get(flat(bucketVersion), []byte(name))
		if raw == nil {
			return nil
		}
		f := parse(raw)
		version, hash = f.uint(), [128]byte(f.exactly(128))
		return f.err
	})
	return version, hash, err
}

// DeleteAppStateVersion forgets a collection and its mutation MACs. MACs left
// behind would break the hash of the next full sync.
func (s *deviceStore) DeleteAppStateVersion(ctx context.Context, name string) (err error) {
	defer guard("DeleteAppStateVersion", &err)
	return s.update(ctx, rides, func(d *deviceTx) error {
		d.delete(flat(bucketVersion), []byte(name))
		return d.deletePrefix(flat(bucketMAC), macPrefix(name, nil))
	})
}

// macPrefix precedes the version in the key of a mutation MAC.
func macPrefix(name string, index []byte) []byte {
	return append(join(name, ""), index...)
}

func macKey(name string, index []byte, version uint64) []byte {
	return binary.BigEndian.AppendUint64(macPrefix(name, index), version)
}

// PutAppStateMutationMACs stores the MACs of one version, all or none. A MAC
// stored for the same version before is an error; of one index given twice the
// last counts, as it does in the collection's hash.
func (s *deviceStore) PutAppStateMutationMACs(ctx context.Context, name string, version uint64, mutations []wmstore.AppStateMutationMAC) (err error) {
	defer guard("PutAppStateMutationMACs", &err)
	if len(mutations) == 0 {
		return nil
	}
	return s.update(ctx, rides, func(d *deviceTx) error {
		if d.alive && d.get(flat(bucketVersion), []byte(name)) == nil {
			return invalid("mutation MACs of %q, which has no version", name)
		}
		own := make(map[string]struct{}, len(mutations))
		for _, m := range mutations {
			if len(m.IndexMAC) != macSize || len(m.ValueMAC) != macSize {
				return invalid("length of a mutation MAC")
			}
			key := macKey(name, m.IndexMAC, version)
			if _, again := own[string(key)]; !again && d.get(flat(bucketMAC), key) != nil {
				return fmt.Errorf("mutation MAC of %s version %d: %w", name, version, errDuplicate)
			}
			own[string(key)] = struct{}{}
			if err := d.put(flat(bucketMAC), key, blob(m.ValueMAC)); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteAppStateMutationMACs forgets all versions of the given indexes.
func (s *deviceStore) DeleteAppStateMutationMACs(ctx context.Context, name string, indexMACs [][]byte) (err error) {
	defer guard("DeleteAppStateMutationMACs", &err)
	if len(indexMACs) == 0 {
		return nil
	}
	return s.update(ctx, rides, func(d *deviceTx) error {
		// All looked up before any is deleted: a scan gets slower with each
		// change that lies over it.
		var found [][]byte
		for _, index := range indexMACs {
			if len(index) != macSize {
				continue
			}
			keys, err := d.keys(flat(bucketMAC), macPrefix(name, index))
			if err != nil {
				return err
			}
			found = append(found, keys...)
		}
		for _, key := range found {
			d.delete(flat(bucketMAC), key)
		}
		return nil
	})
}

// GetAppStateMutationMAC returns the value MAC of an index in its highest
// version, nil when there is none.
func (s *deviceStore) GetAppStateMutationMAC(ctx context.Context, name string, indexMAC []byte) (valueMAC []byte, err error) {
	defer guard("GetAppStateMutationMAC", &err)
	if len(indexMAC) != macSize {
		return nil, nil
	}
	err = s.view(ctx, func(d *deviceTx) error {
		var last []byte
		err := d.scan(flat(bucketMAC), macPrefix(name, indexMAC), func(_, raw []byte) error {
			last = bytes.Clone(raw)
			return nil
		})
		if err != nil || last == nil {
			return err
		}
		valueMAC, err = parseBlob(last)
		return err
	})
	return valueMAC, err
}
