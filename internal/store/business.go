package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"pombal/internal/instance"
	"pombal/internal/problem"
)

var errBusinessTaken = problem.New(problem.Conflict, "error.id_taken")

// Business finds a tenant; instance.ErrNoBusiness.
func (db *DB) Business(ctx context.Context, id string) (instance.Business, error) {
	var b instance.Business
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		var ok bool
		var err error
		if b, ok, err = load[instance.Business](tx.Bucket(bucketBusiness), []byte(id)); err == nil && !ok {
			return instance.ErrNoBusiness
		}
		return err
	})
	return b, err
}

// Businesses lists the tenants, oldest first.
func (db *DB) Businesses(ctx context.Context) ([]instance.Business, error) {
	var list []instance.Business
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		list, err = all[instance.Business](tx.Bucket(bucketBusiness), nil)
		return err
	})
	slices.SortFunc(list, func(a, b instance.Business) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, err
}

// CreateBusiness stores a new tenant; problem.Conflict when its id exists.
func (db *DB) CreateBusiness(ctx context.Context, b instance.Business) error {
	if err := checkID("business", b.ID); err != nil {
		return err
	}
	return db.grow(ctx, func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bucketBusiness)
		if bucket.Get([]byte(b.ID)) != nil {
			return errBusinessTaken
		}
		return save(bucket, []byte(b.ID), b)
	})
}

// businessOf finds the tenant of an instance. An instance may outlive the
// record of its tenant; its events then carry the id alone.
func businessOf(tx *bbolt.Tx, in instance.Instance) (instance.Business, error) {
	b, ok, err := load[instance.Business](tx.Bucket(bucketBusiness), []byte(in.BusinessID))
	if err != nil {
		return b, fmt.Errorf("business of instance %s: %w", in.ID, err)
	}
	if !ok {
		return instance.Business{ID: in.BusinessID}, nil
	}
	return b, nil
}
