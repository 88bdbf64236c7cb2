package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
)

// PutNotice keeps a notice.
func (x *index) PutNotice(n event.Notice) error {
	raw, err := encode(n)
	if err != nil {
		return err
	}
	x.wrote = true
	return x.tx.Bucket(bucketNotice).Put(messageKey(x.scope, n.ID), raw)
}

// DropNotice forgets a notice, if it is there.
func (x *index) DropNotice(id string) error {
	x.wrote = true
	return x.tx.Bucket(bucketNotice).Delete(messageKey(x.scope, id))
}

// Notices lists the notices that are kept, oldest first.
func (db *DB) Notices(ctx context.Context, instanceID string) ([]event.Notice, error) {
	var list []event.Notice
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		in, err := living(tx, instanceID)
		if err != nil {
			return err
		}
		list, err = all[event.Notice](tx.Bucket(bucketNotice), prefixOf(scopeOf(in)))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("notices of instance %s: %w", instanceID, err)
	}
	slices.SortFunc(list, func(a, b event.Notice) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}
