package wastore

import (
	"context"
)

// PutNCTSalt stores the device's salt for tokens to strangers.
func (s *deviceStore) PutNCTSalt(ctx context.Context, salt []byte) (err error) {
	defer guard("PutNCTSalt", &err)
	if salt == nil {
		return invalid("salt is nil")
	}
	return s.update(ctx, rides, func(d *deviceTx) error {
		return d.put(flat(bucketSalt), nil, blob(salt))
	})
}

// GetNCTSalt returns the salt, nil when there is none.
func (s *deviceStore) GetNCTSalt(ctx context.Context) (salt []byte, err error) {
	defer guard("GetNCTSalt", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		salt, err = d.blob(bucketSalt, nil)
		return err
	})
	return salt, err
}

// DeleteNCTSalt forgets the salt; a missing one is no error.
func (s *deviceStore) DeleteNCTSalt(ctx context.Context) (err error) {
	defer guard("DeleteNCTSalt", &err)
	return s.update(ctx, rides, func(d *deviceTx) error {
		d.delete(flat(bucketSalt), nil)
		return nil
	})
}
