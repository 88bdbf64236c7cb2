package wastore

import (
	"context"
)

// PutIdentity stores the identity key of an address.
func (s *deviceStore) PutIdentity(ctx context.Context, address string, key [32]byte) (err error) {
	defer guard("PutIdentity", &err)
	return s.update(ctx, rides, func(d *deviceTx) error {
		return d.put(flat(bucketIdentity), []byte(address), blob(key[:]))
	})
}

// IsTrustedIdentity tells whether key is the stored one. An unknown address is
// trusted: its key is stored right afterwards.
func (s *deviceStore) IsTrustedIdentity(ctx context.Context, address string, key [32]byte) (trusted bool, err error) {
	defer guard("IsTrustedIdentity", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		raw := d.get(flat(bucketIdentity), []byte(address))
		if raw == nil {
			trusted = true
			return nil
		}
		f := parse(raw)
		trusted = [32]byte(f.exactly(32)) == key && f.err == nil
		return f.err
	})
	return trusted, err
}

// DeleteIdentity forgets one address, literally: nothing in it is a wildcard.
func (s *deviceStore) DeleteIdentity(ctx context.Context, address string) (err error) {
	defer guard("DeleteIdentity", &err)
	return s.update(ctx, rides, func(d *deviceTx) error {
		d.delete(flat(bucketIdentity), []byte(address))
		return nil
	})
}

// DeleteAllIdentities forgets all devices of a Signal user.
func (s *deviceStore) DeleteAllIdentities(ctx context.Context, phone string) (err error) {
	defer guard("DeleteAllIdentities", &err)
	return s.deletePrefix(ctx, rides, flat(bucketIdentity), []byte(phone+":"))
}

func (s *deviceStore) deletePrefix(ctx context.Context, p pace, t table, prefix []byte) error {
	return s.update(ctx, p, func(d *deviceTx) error {
		return d.deletePrefix(t, prefix)
	})
}

func (d *deviceTx) deletePrefix(t table, prefix []byte) error {
	keys, err := d.keys(t, prefix)
	for _, key := range keys {
		d.delete(t, key)
	}
	return err
}
