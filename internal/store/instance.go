package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/instance"
)

var _ instance.Store = (*DB)(nil)

var errIDChanged = errors.New("a change must not alter an id")

// Instance finds a living instance; instance.ErrNotFound when there is none.
func (db *DB) Instance(ctx context.Context, id string) (instance.Instance, error) {
	var in instance.Instance
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		in, err = living(tx, id)
		return err
	})
	return in, err
}

// Instances lists the living instances, oldest first.
func (db *DB) Instances(ctx context.Context) ([]instance.Instance, error) {
	var list []instance.Instance
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		list, err = all[instance.Instance](tx.Bucket(bucketInstance), nil)
		return err
	})
	list = slices.DeleteFunc(list, func(in instance.Instance) bool { return !in.DeletedAt.IsZero() })
	slices.SortFunc(list, func(a, b instance.Instance) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, err
}

// CreateInstance stores a new instance with the events of its making. The id
// of a deleted instance is free again once nothing waits to be delivered from
// it; until then it is instance.ErrIDTaken.
func (db *DB) CreateInstance(ctx context.Context, in instance.Instance, drafts ...event.Draft) ([]event.Event, error) {
	if err := checkID("instance", in.ID); err != nil {
		return nil, err
	}
	ready, err := db.prepare(in.ID, drafts)
	if err != nil {
		return nil, err
	}
	var recorded []event.Event
	err = db.grow(ctx, func(tx *bbolt.Tx) error {
		if err := freeID(tx, in.ID); err != nil {
			return err
		}
		if err := claimName(tx, in); err != nil {
			return err
		}
		if err := save(tx.Bucket(bucketInstance), []byte(in.ID), in); err != nil {
			return err
		}
		recorded, err = db.record(tx, in, ready)
		return err
	})
	if err != nil {
		return nil, err
	}
	return recorded, nil
}

// UpdateInstance loads the living instance, lets change alter it and name the
// events of the change, and stores all in one commit; see instance.Store.
// change must not call the store.
func (db *DB) UpdateInstance(
	ctx context.Context, id string, change func(*instance.Instance) ([]event.Draft, error),
) (instance.Instance, []event.Event, error) {
	var in instance.Instance
	var recorded []event.Event
	err := db.write(ctx, func(tx *bbolt.Tx) error {
		before, err := living(tx, id)
		if err != nil {
			return err
		}
		in = before
		if before.WhatsApp != nil {
			linked := *before.WhatsApp
			in.WhatsApp = &linked
		}
		drafts, err := change(&in)
		if err != nil {
			return err
		}
		recorded, err = db.storeChanged(tx, before, in, drafts)
		return err
	})
	if err != nil {
		return instance.Instance{}, nil, err
	}
	return in, recorded, nil
}

// storeChanged stores what has become of an instance, keeping the index of
// names and what hangs off the instance right.
func (db *DB) storeChanged(tx *bbolt.Tx, before, after instance.Instance, drafts []event.Draft) ([]event.Event, error) {
	if after.ID != before.ID {
		return nil, errIDChanged
	}
	ready, err := db.prepare(after.ID, drafts)
	if err != nil {
		return nil, err
	}
	switch deleted := !after.DeletedAt.IsZero(); {
	case deleted:
		err = releaseInstance(tx, before)
	case !bytes.Equal(nameKey(before.Name), nameKey(after.Name)):
		if err = claimName(tx, after); err == nil {
			err = tx.Bucket(bucketInstanceName).Delete(nameKey(before.Name))
		}
	}
	if err != nil {
		return nil, err
	}
	saved := save(tx.Bucket(bucketInstance), []byte(after.ID), after)
	if saved != nil && !errors.Is(saved, errUnchanged) {
		return nil, saved
	}
	recorded, err := db.record(tx, after, ready)
	if err == nil && len(recorded) == 0 {
		return nil, saved
	}
	return recorded, err
}

// living loads an instance that is not deleted.
func living(tx *bbolt.Tx, id string) (instance.Instance, error) {
	in, ok, err := load[instance.Instance](tx.Bucket(bucketInstance), []byte(id))
	if err != nil {
		return in, fmt.Errorf("instance %s: %w", id, err)
	}
	if !ok || !in.DeletedAt.IsZero() {
		return instance.Instance{}, instance.ErrNotFound
	}
	return in, nil
}

// nameKey is equal for names that count as the same.
func nameKey(name string) []byte {
	return []byte(strings.ToLower(name))
}

// claimName enters the instance's name into the index of names.
func claimName(tx *bbolt.Tx, in instance.Instance) error {
	index := tx.Bucket(bucketInstanceName)
	switch owner := index.Get(nameKey(in.Name)); {
	case owner == nil:
		return index.Put(nameKey(in.Name), []byte(in.ID))
	case string(owner) != in.ID:
		return instance.ErrNameTaken
	default:
		return nil
	}
}

// releaseInstance takes away what a deleted instance must not keep: its name
// and the keys that open it. Its row and its webhooks stay for the events that
// are still to be delivered.
func releaseInstance(tx *bbolt.Tx, in instance.Instance) error {
	if err := tx.Bucket(bucketInstanceName).Delete(nameKey(in.Name)); err != nil {
		return err
	}
	for _, kind := range []auth.HolderKind{auth.HolderToken, auth.HolderOldToken} {
		if err := deleteUses(tx, auth.Holder{Kind: kind, ID: in.ID}); err != nil {
			return err
		}
	}
	return deleteAPIKeysOf(tx, in.ID)
}
