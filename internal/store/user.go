package store

import (
	"context"
	"strings"

	"go.etcd.io/bbolt"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

var _ auth.Store = (*DB)(nil)

var errEmailTaken = problem.New(problem.Conflict, "error.conflict")

// CountUsers counts the users.
func (db *DB) CountUsers(ctx context.Context) (int, error) {
	n := 0
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		n = countPrefix(tx.Bucket(bucketUser), nil)
		return nil
	})
	return n, err
}

// CreateFirstUser stores the owner if and only if there is no user yet;
// auth.ErrSetupDone otherwise.
func (db *DB) CreateFirstUser(ctx context.Context, u auth.User) error {
	if err := checkID("user", u.ID); err != nil {
		return err
	}
	return db.write(ctx, func(tx *bbolt.Tx) error {
		if first, _ := tx.Bucket(bucketUser).Cursor().First(); first != nil {
			return auth.ErrSetupDone
		}
		if err := tx.Bucket(bucketUserEmail).Put(emailKey(u.Email), []byte(u.ID)); err != nil {
			return err
		}
		return save(tx.Bucket(bucketUser), []byte(u.ID), u)
	})
}

// User finds a user; auth.ErrNoSuch.
func (db *DB) User(ctx context.Context, id string) (auth.User, error) {
	var u auth.User
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		u, err = loadUser(tx, []byte(id))
		return err
	})
	return u, err
}

// UserByEmail finds a user by address, in any case; auth.ErrNoSuch.
func (db *DB) UserByEmail(ctx context.Context, email string) (auth.User, error) {
	var u auth.User
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		u, err = loadUser(tx, tx.Bucket(bucketUserEmail).Get(emailKey(email)))
		return err
	})
	return u, err
}

// UpdateUser loads a user, lets alter change it and stores it; auth.ErrNoSuch,
// problem.Conflict when the address is another user's. alter must not call the
// store.
func (db *DB) UpdateUser(ctx context.Context, id string, alter func(*auth.User) error) (auth.User, error) {
	var u auth.User
	err := db.write(ctx, func(tx *bbolt.Tx) error {
		var err error
		u, err = alterUser(tx, id, alter)
		return err
	})
	if err != nil {
		return auth.User{}, err
	}
	return u, nil
}

func alterUser(tx *bbolt.Tx, id string, alter func(*auth.User) error) (auth.User, error) {
	before, err := loadUser(tx, []byte(id))
	if err != nil {
		return auth.User{}, err
	}
	u := before
	if err := alter(&u); err != nil {
		return auth.User{}, err
	}
	if u.ID != id {
		return auth.User{}, errIDChanged
	}
	if err := moveEmail(tx, before, u); err != nil {
		return auth.User{}, err
	}
	return u, save(tx.Bucket(bucketUser), []byte(id), u)
}

func loadUser(tx *bbolt.Tx, id []byte) (auth.User, error) {
	u, ok, err := load[auth.User](tx.Bucket(bucketUser), id)
	if err == nil && !ok {
		return u, auth.ErrNoSuch
	}
	return u, err
}

func emailKey(email string) []byte {
	return digestKey(strings.ToLower(email))
}

// moveEmail keeps the index of addresses right.
func moveEmail(tx *bbolt.Tx, before, after auth.User) error {
	if strings.EqualFold(before.Email, after.Email) {
		return nil
	}
	index := tx.Bucket(bucketUserEmail)
	if index.Get(emailKey(after.Email)) != nil {
		return errEmailTaken
	}
	if err := index.Delete(emailKey(before.Email)); err != nil {
		return err
	}
	return index.Put(emailKey(after.Email), []byte(after.ID))
}
