package store

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"pombal/internal/auth"
	"pombal/internal/instance"
)

// bucketUse counts what credentials are used for: kind, id and door to
// auth.Use.
var bucketUse = []byte("use")

func createUses(tx *bbolt.Tx) error {
	if _, err := tx.CreateBucketIfNotExists(bucketUse); err != nil {
		return fmt.Errorf("create bucket %s: %w", bucketUse, err)
	}
	return nil
}

// usePrefix starts the keys of a credential.
func usePrefix(h auth.Holder) []byte {
	return append(pairKey(string(h.Kind), h.ID), 0)
}

// Uses lists what credentials were used for.
func (db *DB) Uses(ctx context.Context) ([]auth.Use, error) {
	var list []auth.Use
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		list, err = all[auth.Use](tx.Bucket(bucketUse), nil)
		return err
	})
	return list, err
}

// PutUses stores the counts of credentials, each in the place of the one before
// it. Credentials that are gone are left out.
func (db *DB) PutUses(ctx context.Context, uses []auth.Use) error {
	return db.writeShared(ctx, func(tx *bbolt.Tx) error {
		result := errUnchanged
		for _, u := range uses {
			there, err := holderThere(tx, u.Holder)
			if err != nil {
				return err
			}
			if !there {
				continue
			}
			err = save(tx.Bucket(bucketUse), append(usePrefix(u.Holder), u.Door...), u)
			if err != nil && !errors.Is(err, errUnchanged) {
				return err
			}
			if err == nil {
				result = nil
			}
		}
		return result
	})
}

// holderThere says whether a credential still opens something.
func holderThere(tx *bbolt.Tx, h auth.Holder) (bool, error) {
	switch h.Kind {
	case auth.HolderKey:
		return tx.Bucket(bucketAPIKey).Get([]byte(h.ID)) != nil, nil
	case auth.HolderToken, auth.HolderOldToken:
		_, err := living(tx, h.ID)
		if errors.Is(err, instance.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	case auth.HolderBusiness, auth.HolderOldBusiness:
		return tx.Bucket(bucketBusiness).Get([]byte(h.ID)) != nil, nil
	default:
		return true, nil
	}
}

// deleteUses removes the counts of a credential that is gone.
func deleteUses(tx *bbolt.Tx, h auth.Holder) error {
	_, err := removePrefix(tx.Bucket(bucketUse), usePrefix(h), len(auth.Doors()))
	return err
}
