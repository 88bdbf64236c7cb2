package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"go.etcd.io/bbolt"
)

const secretSize = 32

// Secret gives the named 32-byte secret of this file, making it with random
// bytes at the first call.
func (db *DB) Secret(ctx context.Context, name string) ([]byte, error) {
	if err := checkID("secret", name); err != nil {
		return nil, err
	}
	var secret []byte
	find := func(tx *bbolt.Tx) error {
		secret = bytes.Clone(tx.Bucket(bucketSecret).Get([]byte(name)))
		return nil
	}
	if err := db.read(ctx, find); err != nil {
		return nil, err
	}
	if secret == nil {
		if err := db.makeSecret(ctx, name); err != nil {
			return nil, err
		}
		if err := db.read(ctx, find); err != nil {
			return nil, err
		}
	}
	if len(secret) != secretSize {
		return nil, fmt.Errorf("secret %s has %d bytes instead of %d", name, len(secret), secretSize)
	}
	return secret, nil
}

// makeSecret writes a random secret unless somebody was faster.
func (db *DB) makeSecret(ctx context.Context, name string) error {
	fresh := make([]byte, secretSize)
	if _, err := rand.Read(fresh); err != nil {
		return fmt.Errorf("make secret %s: %w", name, err)
	}
	return db.write(ctx, func(tx *bbolt.Tx) error {
		secrets := tx.Bucket(bucketSecret)
		if secrets.Get([]byte(name)) != nil {
			return errUnchanged
		}
		return secrets.Put([]byte(name), fresh)
	})
}
