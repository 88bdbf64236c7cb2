package store

import (
	"cmp"
	"context"
	"errors"
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
	return db.grow(ctx, func(tx *bbolt.Tx) error { return putNewAPIKey(tx, k) })
}

func putNewAPIKey(tx *bbolt.Tx, k auth.APIKey) error {
	if k.InstanceID != "" { // those without open every instance
		if _, err := living(tx, k.InstanceID); err != nil {
			return err
		}
	}
	index := tx.Bucket(bucketAPIKeyHash)
	if tx.Bucket(bucketAPIKey).Get([]byte(k.ID)) != nil || index.Get([]byte(k.Hash)) != nil {
		return errKeyTaken
	}
	if err := index.Put([]byte(k.Hash), []byte(k.ID)); err != nil {
		return err
	}
	return save(tx.Bucket(bucketAPIKey), []byte(k.ID), k)
}

// ReplaceAPIKey lets alter change a key and stores the one that follows it as
// CreateAPIKey does, in one commit; auth.ErrNoSuch. What the key is and what it
// opens cannot change. alter must not call the store.
func (db *DB) ReplaceAPIKey(ctx context.Context, id string, next auth.APIKey, alter func(*auth.APIKey) error) error {
	if err := checkID("key", next.ID); err != nil {
		return err
	}
	return db.grow(ctx, func(tx *bbolt.Tx) error {
		if err := alterAPIKey(tx, id, alter); err != nil && !errors.Is(err, errUnchanged) {
			return err
		}
		return putNewAPIKey(tx, next)
	})
}

// APIKey finds a key by its id; auth.ErrNoSuch.
func (db *DB) APIKey(ctx context.Context, id string) (auth.APIKey, error) {
	var k auth.APIKey
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		k, err = loadAPIKey(tx, []byte(id))
		return err
	})
	return k, err
}

// AllAPIKeys lists all keys, oldest first.
func (db *DB) AllAPIKeys(ctx context.Context) ([]auth.APIKey, error) {
	var list []auth.APIKey
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		list, err = apiKeysWhere(tx, func(auth.APIKey) bool { return true })
		return err
	})
	return list, err
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

func alterAPIKey(tx *bbolt.Tx, id string, alter func(*auth.APIKey) error) error {
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

func apiKeysOf(tx *bbolt.Tx, instanceID string) ([]auth.APIKey, error) {
	return apiKeysWhere(tx, func(k auth.APIKey) bool { return k.InstanceID == instanceID })
}

// apiKeysWhere looks through all keys: there are few, and they are listed for
// people only.
func apiKeysWhere(tx *bbolt.Tx, wanted func(auth.APIKey) bool) ([]auth.APIKey, error) {
	list, err := all[auth.APIKey](tx.Bucket(bucketAPIKey), nil)
	list = slices.DeleteFunc(list, func(k auth.APIKey) bool { return !wanted(k) })
	slices.SortFunc(list, func(a, b auth.APIKey) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, err
}

func deleteAPIKey(tx *bbolt.Tx, k auth.APIKey) error {
	if err := tx.Bucket(bucketAPIKeyHash).Delete([]byte(k.Hash)); err != nil {
		return err
	}
	if err := deleteUses(tx, auth.Holder{Kind: auth.HolderKey, ID: k.ID}); err != nil {
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
