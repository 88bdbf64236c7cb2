package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// sweepParties removes the chats or contacts that took part in nothing since
// the time, with their addresses.
func (db *DB) sweepParties(ctx context.Context, rows, addresses []byte, cutoff time.Time) error {
	judge := partiesBefore(cutoff)
	err := db.sweepWith(ctx, rows, judge, func(tx *bbolt.Tx, keys [][]byte) error {
		return dropParties(tx.Bucket(rows), tx.Bucket(addresses), keys, judge)
	})
	if err != nil {
		return fmt.Errorf("sweep %s: %w", rows, err)
	}
	return nil
}

func partiesBefore(cutoff time.Time) judge {
	return func(_, raw []byte) (verdict, error) {
		row, err := decode[person](raw)
		if err != nil || !row.lastSeen().Before(cutoff) {
			return keepRow, err
		}
		return dropRow, nil
	}
}

// dropParties removes the rows that are still to go, and the addresses that lead
// to them.
func dropParties(rows, addresses *bbolt.Bucket, keys [][]byte, judge judge) error {
	for _, key := range keys {
		raw := rows.Get(key)
		if raw == nil {
			continue
		}
		if what, err := judge(key, raw); err != nil || what != dropRow {
			if err != nil {
				return err
			}
			continue
		}
		row, err := decode[person](raw)
		if err != nil {
			return err
		}
		scope := string(bytes.TrimSuffix(key, []byte("\x00"+row.ID)))
		var wrote bool
		if err := (people{rows: rows, addresses: addresses, scope: scope, wrote: &wrote}).drop(row); err != nil {
			return err
		}
	}
	return nil
}
