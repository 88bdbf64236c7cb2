package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/webhook"
)

// A lane is spread over three buckets: bucketOutbox holds the deliveries that
// wait for each other, in order; bucketParked those that no longer hold up the
// lane; bucketDue finds the parked one to attempt first without reading all.

// Parked deliveries that have no NextAt are always due, so they come in a
// class of their own before the others.
const (
	dueAtOnce = 0
	dueLater  = 1
)

// dueKey orders the parked deliveries of a lane by class, time and id.
func dueKey(d webhook.Delivery) []byte {
	class := byte(dueLater)
	if d.NextAt.IsZero() {
		class = dueAtOnce
	}
	key := append(prefixOf(d.WebhookID), class)
	key = binary.BigEndian.AppendUint64(key, sortable(d.Due()))
	return binary.BigEndian.AppendUint64(key, d.ID)
}

// sortable numbers times in their order. Times before 1970 come first.
func sortable(t time.Time) uint64 {
	if t.Unix() < 0 {
		return 0
	}
	return uint64(t.UnixNano())
}

func homeOf(tx *bbolt.Tx, d webhook.Delivery) *bbolt.Bucket {
	if d.Parked {
		return tx.Bucket(bucketParked)
	}
	b := tx.Bucket(bucketOutbox)
	b.FillPercent = fillAppended
	return b
}

// pending finds a delivery that is not settled.
func pending(tx *bbolt.Tx, webhookID string, id uint64) (webhook.Delivery, bool, error) {
	key := countKey(webhookID, id)
	d, ok, err := load[webhook.Delivery](tx.Bucket(bucketOutbox), key)
	if ok || err != nil {
		return d, ok, err
	}
	return load[webhook.Delivery](tx.Bucket(bucketParked), key)
}

// putIn makes a delivery pending.
func putIn(tx *bbolt.Tx, d webhook.Delivery) error {
	if d.Parked {
		if err := tx.Bucket(bucketDue).Put(dueKey(d), nil); err != nil {
			return err
		}
	}
	if err := save(homeOf(tx, d), countKey(d.WebhookID, d.ID), d); err != nil {
		return err
	}
	return grew(tx, d)
}

// takeOut removes a pending delivery.
func takeOut(tx *bbolt.Tx, d webhook.Delivery) error {
	if d.Parked {
		if err := tx.Bucket(bucketDue).Delete(dueKey(d)); err != nil {
			return err
		}
	}
	if err := homeOf(tx, d).Delete(countKey(d.WebhookID, d.ID)); err != nil {
		return err
	}
	return shrank(tx, d)
}

// candidates are the deliveries of a lane that may come next: the oldest that
// is not parked, and of each class of parked ones the one due first.
func candidates(tx *bbolt.Tx, webhookID string) ([]webhook.Delivery, error) {
	prefix := prefixOf(webhookID)
	var found []webhook.Delivery
	if k, raw := tx.Bucket(bucketOutbox).Cursor().Seek(prefix); bytes.HasPrefix(k, prefix) {
		d, err := decode[webhook.Delivery](raw)
		if err != nil {
			return nil, err
		}
		found = append(found, d)
	}
	c := tx.Bucket(bucketDue).Cursor()
	for _, class := range []byte{dueAtOnce, dueLater} {
		head := append(prefixOf(webhookID), class)
		k, _ := c.Seek(head)
		if !bytes.HasPrefix(k, head) {
			continue
		}
		id := binary.BigEndian.Uint64(k[len(k)-8:])
		d, ok, err := load[webhook.Delivery](tx.Bucket(bucketParked), countKey(webhookID, id))
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("parked delivery %d of webhook %s is missing", id, webhookID)
		}
		found = append(found, d)
	}
	return found, nil
}

// laneOf is the webhook of a key of bucketOutbox or bucketParked.
func laneOf(key []byte) string {
	id, _, _ := bytes.Cut(key, []byte{0})
	return string(id)
}

// dropPending removes at most limit pending deliveries of a lane, the oldest
// that are not parked first, and says how many those were.
func dropPending(tx *bbolt.Tx, webhookID string, limit int) (int, error) {
	for removed := range limit {
		ok, err := dropOldest(tx, webhookID)
		if err != nil || !ok {
			return removed, err
		}
	}
	return limit, nil
}

// dropOldest removes one pending delivery of a lane; false when there is none.
func dropOldest(tx *bbolt.Tx, webhookID string) (bool, error) {
	prefix := prefixOf(webhookID)
	for _, name := range [][]byte{bucketOutbox, bucketParked} {
		k, raw := tx.Bucket(name).Cursor().Seek(prefix)
		if !bytes.HasPrefix(k, prefix) {
			continue
		}
		d, err := decode[webhook.Delivery](raw)
		if err != nil {
			return false, err
		}
		return true, takeOut(tx, d)
	}
	return false, nil
}

// anyPending says whether one of the lanes has a pending delivery.
func anyPending(tx *bbolt.Tx, webhookIDs []string) bool {
	for _, name := range [][]byte{bucketOutbox, bucketParked} {
		c := tx.Bucket(name).Cursor()
		for _, id := range webhookIDs {
			if k, _ := c.Seek(prefixOf(id)); bytes.HasPrefix(k, prefixOf(id)) {
				return true
			}
		}
	}
	return false
}
