package store

import (
	"context"

	"go.etcd.io/bbolt"

	"pombal/internal/auth"
)

// SessionsOf lists the sessions of a user. There are few sessions in all, so
// no index is kept for it.
func (db *DB) SessionsOf(ctx context.Context, userID string) ([]auth.Session, error) {
	var own []auth.Session
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		var err error
		own, err = sessionsOf(tx, userID)
		return err
	})
	return own, err
}

func sessionsOf(tx *bbolt.Tx, userID string) ([]auth.Session, error) {
	list, err := all[auth.Session](tx.Bucket(bucketSession), nil)
	if err != nil {
		return nil, err
	}
	var own []auth.Session
	for _, s := range list {
		if s.UserID == userID {
			own = append(own, s)
		}
	}
	return own, nil
}

// ReplaceSessions changes a user, removes all sessions of that user and stores
// next, in one commit; auth.ErrNoSuch. alter must not call the store.
func (db *DB) ReplaceSessions(ctx context.Context, userID string, alter func(*auth.User) error, next auth.Session) error {
	if err := checkID("session", next.ID); err != nil {
		return err
	}
	return db.write(ctx, func(tx *bbolt.Tx) error {
		if _, err := alterUser(tx, userID, alter); err != nil {
			return err
		}
		own, err := sessionsOf(tx, userID)
		if err != nil {
			return err
		}
		sessions := tx.Bucket(bucketSession)
		for _, s := range own {
			if err := sessions.Delete([]byte(s.ID)); err != nil {
				return err
			}
		}
		return save(sessions, []byte(next.ID), next)
	})
}
