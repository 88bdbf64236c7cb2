package store

import (
	"context"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/auth"
)

// CreateSession stores a new session.
func (db *DB) CreateSession(ctx context.Context, s auth.Session) error {
	if err := checkID("session", s.ID); err != nil {
		return err
	}
	return db.write(ctx, func(tx *bbolt.Tx) error {
		return save(tx.Bucket(bucketSession), []byte(s.ID), s)
	})
}

// Session finds a session; auth.ErrNoSuch.
func (db *DB) Session(ctx context.Context, id string) (auth.Session, error) {
	var s auth.Session
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		var ok bool
		var err error
		if s, ok, err = load[auth.Session](tx.Bucket(bucketSession), []byte(id)); err == nil && !ok {
			return auth.ErrNoSuch
		}
		return err
	})
	return s, err
}

// UpdateSession loads a session, lets alter change it and stores it;
// auth.ErrNoSuch. alter must not call the store.
func (db *DB) UpdateSession(ctx context.Context, id string, alter func(*auth.Session) error) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		s, err := change(tx.Bucket(bucketSession), []byte(id), auth.ErrNoSuch, alter)
		if err == nil && s.ID != id {
			return errIDChanged
		}
		return err
	})
}

// DeleteSession removes a session; auth.ErrNoSuch.
func (db *DB) DeleteSession(ctx context.Context, id string) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		sessions := tx.Bucket(bucketSession)
		if sessions.Get([]byte(id)) == nil {
			return auth.ErrNoSuch
		}
		return sessions.Delete([]byte(id))
	})
}

// DeleteSessionsBefore removes sessions last seen before the time.
func (db *DB) DeleteSessionsBefore(ctx context.Context, seen time.Time) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		sessions := tx.Bucket(bucketSession)
		list, err := all[auth.Session](sessions, nil)
		if err != nil {
			return err
		}
		removed := false
		for _, s := range list {
			if !s.SeenAt.Before(seen) {
				continue
			}
			if err := sessions.Delete([]byte(s.ID)); err != nil {
				return err
			}
			removed = true
		}
		if !removed {
			return errUnchanged
		}
		return nil
	})
}
