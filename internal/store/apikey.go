package store

import (
	"cmp"
	"context"
	"slices"

	"go.etcd.io/bbolt"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

var errKeyTaken = problem.New(problem.Conflict, "error.conflict")

// CreateAPIKey stores a new key; instance.ErrNotFound when the instance it
// opens is not living.
func (db *DB) CreateAPIKey(ctx context.Context, k auth.APIKey) error {
	if err := checkID("key", k.ID); err != nil {
		return err
	}
	return db.write(ctx, func(tx *bbolt.Tx) error {
		if _, err := living(tx, k.InstanceID); err != nil {
			return err
		}
		index := tx.Bucket(bucketAPIKeyHash)
		if tx.Bucket(bucketAPIKey).Get([]byte(k.ID)) != nil || index.Get([]byte(k.Hash)) != nil {
			return errKeyTaken
		}
		if err := index.Put([]byte(k.Hash), []byte(k.ID)); err != nil {
			return err
		}
		return save(tx.Bucket(bucketAPIKey), []byte(k.ID), k)
	})
}

// APIKeyByHash finds a key by the hex SHA-256 of its text; auth.ErrNoSuch.
func (db *DB) APIKeyByHash(ctx context.Context, hash string) (auth.APIKey, error) {
	var k auth.APIKey
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		k, err = loadAPIKey(tx, tx.Bucket(bucketAPIKeyHash).Get([]byte(hash)))
		return err
	})
	return k, err
}

// APIKeys lists the keys that open an instance, oldest first.
func (db *DB) APIKeys(ctx context.Context, instanceID string) ([]auth.APIKey, error) {
	var list []auth.APIKey
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		list, err = apiKeysOf(tx, instanceID)
		return err
	})
	return list, err
}

// UpdateAPIKey loads a key, lets alter change it and stores it;
// auth.ErrNoSuch. What the key is and what it opens cannot change. alter must
// not call the store.
func (db *DB) UpdateAPIKey(ctx context.Context, id string, alter func(*auth.APIKey) error) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		before, err := loadAPIKey(tx, []byte(id))
		if err != nil {
			return err
		}
		after, err := change(tx.Bucket(bucketAPIKey), []byte(id), auth.ErrNoSuch, alter)
		if err != nil {
			return err
		}
		if after.ID != id || after.Hash != before.Hash || after.InstanceID != before.InstanceID {
			return errIDChanged
		}
		return nil
	})
}

// DeleteAPIKey removes a key; auth.ErrNoSuch.
func (db *DB) DeleteAPIKey(ctx context.Context, id string) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		k, err := loadAPIKey(tx, []byte(id))
		if err != nil {
			return err
		}
		return deleteAPIKey(tx, k)
	})
}

func loadAPIKey(tx *bbolt.Tx, id []byte) (auth.APIKey, error) {
	k, ok, err := load[auth.APIKey](tx.Bucket(bucketAPIKey), id)
	if err == nil && !ok {
		return k, auth.ErrNoSuch
	}
	return k, err
}

// apiKeysOf looks through all keys: there are few, and they are listed for
// people only.
func apiKeysOf(tx *bbolt.Tx, instanceID string) ([]auth.APIKey, error) {
	list, err := all[auth.APIKey](tx.Bucket(bucketAPIKey), nil)
	list = slices.DeleteFunc(list, func(k auth.APIKey) bool { return k.InstanceID != instanceID })
	slices.SortFunc(list, func(a, b auth.APIKey) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, err
}

func deleteAPIKey(tx *bbolt.Tx, k auth.APIKey) error {
	if err := tx.Bucket(bucketAPIKeyHash).Delete([]byte(k.Hash)); err != nil {
		return err
	}
	return tx.Bucket(bucketAPIKey).Delete([]byte(k.ID))
}

func deleteAPIKeysOf(tx *bbolt.Tx, instanceID string) error {
	list, err := apiKeysOf(tx, instanceID)
	if err != nil {
		return err
	}
	for _, k := range list {
		if err := deleteAPIKey(tx, k); err != nil {
			return err
		}
	}
	return nil
}
