package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

var _ webhook.Ledger = (*DB)(nil)

var (
	bucketDead   = []byte("log.dead")
	bucketHealth = []byte("hook.health")
	bucketSeen   = []byte("ev.seen")
	bucketCaught = []byte("catch")
)

const (
	// keepDead is how many dead deliveries of a webhook stay: longer than
	// delivered ones, since somebody may still want to send them.
	keepDead = 10_000
	// scanRows bounds how many rows one question reads.
	scanRows = 10_000
	// countNew bounds how far new rows are counted.
	countNew = 999
)

// createLedgerBuckets makes the buckets of dead letters, health, counters and
// caught requests.
func createLedgerBuckets(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketDead, bucketHealth, bucketSeen, bucketCaught} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
	}
	return nil
}

// Ledger lists deliveries, newest first; see webhook.Ledger. Of a very long
// list it looks at the newest rows alone.
func (db *DB) Ledger(ctx context.Context, q webhook.LedgerQuery) ([]webhook.Delivery, error) {
	var list []webhook.Delivery
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		for _, name := range bucketsOf(q.Result) {
			part, err := gather(tx.Bucket(name), q)
			if err != nil {
				return fmt.Errorf("ledger of webhook %s: %w", q.WebhookID, err)
			}
			list = append(list, part...)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b webhook.Delivery) int { return cmp.Compare(b.ID, a.ID) })
	return list[:min(len(list), q.Limit)], err
}

// bucketsOf are the buckets that can hold deliveries of a result.
func bucketsOf(result string) [][]byte {
	switch result {
	case "delivered", "dropped":
		return [][]byte{bucketDelivery}
	case "dead":
		return [][]byte{bucketDead}
	case "failing", "waiting":
		return [][]byte{bucketOutbox, bucketParked}
	default:
		return [][]byte{bucketOutbox, bucketParked, bucketDelivery, bucketDead}
	}
}

func gather(b *bbolt.Bucket, q webhook.LedgerQuery) ([]webhook.Delivery, error) {
	var list []webhook.Delivery
	prefix, c := prefixOf(q.WebhookID), b.Cursor()
	before := q.Before
	if q.UpTo != 0 && (before == 0 || q.UpTo+1 < before) {
		before = q.UpTo + 1
	}
	k, raw := seekBefore(c, q.WebhookID, before)
	for n := 0; n < scanRows && len(list) < q.Limit && bytes.HasPrefix(k, prefix); n++ {
		d, err := decode[webhook.Delivery](raw)
		if err != nil {
			return nil, err
		}
		if fits(q, d) {
			list = append(list, d)
		}
		k, raw = c.Prev()
	}
	return list, nil
}

// seekBefore moves to the last row of an id whose number is below n, or to some
// row before all of the id's; 0 means the id's last row.
func seekBefore(c *bbolt.Cursor, id string, n uint64) (key, value []byte) {
	if n == 0 {
		return seekLast(c, prefixOf(id))
	}
	if k, _ := c.Seek(countKey(id, n)); k == nil {
		return c.Last()
	}
	return c.Prev()
}

func fits(q webhook.LedgerQuery, d webhook.Delivery) bool {
	switch {
	case q.Type != "" && d.EventType != q.Type,
		!q.From.IsZero() && d.QueuedAt.Before(q.From),
		!q.To.IsZero() && d.QueuedAt.After(q.To):
		return false
	}
	switch q.Result {
	case "failing":
		if d.Attempts == 0 {
			return false
		}
	case "waiting":
		if d.Attempts > 0 {
			return false
		}
	case "dead":
		if !d.Replayed.IsZero() {
			return false
		}
	case "delivered", "dropped":
		if string(d.Status) != q.Result {
			return false
		}
	}
	return q.Text == "" || mentions(d, strings.ToLower(q.Text))
}

// mentions looks for a text in what the list and the answers show. The event's
// body is not looked into: who may not read it could otherwise ask for it word
// by word.
func mentions(d webhook.Delivery, text string) bool {
	fields := []string{d.EventID, string(d.EventType), fmt.Sprint(d.EventSeq)}
	for _, a := range d.All() {
		fields = append(fields, fmt.Sprint(a.StatusCode), a.Error, a.Address, a.Answer, a.Response)
	}
	return slices.ContainsFunc(fields, func(f string) bool { return strings.Contains(strings.ToLower(f), text) })
}

// CountAfter counts the deliveries that are newer than an id, no further than
// it matters.
func (db *DB) CountAfter(ctx context.Context, webhookID string, id uint64) (int, error) {
	n := 0
	if id+1 == 0 {
		return 0, nil
	}
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		prefix := prefixOf(webhookID)
		for _, name := range bucketsOf("") {
			c := tx.Bucket(name).Cursor()
			for k, _ := c.Seek(countKey(webhookID, id+1)); bytes.HasPrefix(k, prefix) && n < countNew; k, _ = c.Next() {
				n++
			}
		}
		return nil
	})
	return n, err
}

// Delivery finds a delivery, with its event where that is still stored;
// webhook.ErrNoDelivery.
func (db *DB) Delivery(ctx context.Context, webhookID string, id uint64) (d webhook.Delivery, ev event.Event, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) (err error) {
		if d, err = findDelivery(tx, webhookID, id); err != nil {
			return err
		}
		ev, _, err = load[event.Event](tx.Bucket(bucketEvent), countKey(d.InstanceID, d.EventSeq))
		return err
	})
	return d, ev, err
}

func findDelivery(tx *bbolt.Tx, webhookID string, id uint64) (webhook.Delivery, error) {
	for _, name := range bucketsOf("") {
		d, ok, err := load[webhook.Delivery](tx.Bucket(name), countKey(webhookID, id))
		if ok || err != nil {
			return d, err
		}
	}
	return webhook.Delivery{}, webhook.ErrNoDelivery
}

// Hasten makes a pending delivery due at once; webhook.ErrNoDelivery when it is
// not pending any more.
func (db *DB) Hasten(ctx context.Context, webhookID string, id uint64) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		d, ok, err := pending(tx, webhookID, id)
		if err != nil {
			return err
		}
		if !ok {
			return webhook.ErrNoDelivery
		}
		if d.NextAt.IsZero() {
			return errUnchanged
		}
		if err := takeOut(tx, d); err != nil {
			return err
		}
		d.NextAt = d.QueuedAt // due for the longest time, so it comes first
		return putIn(tx, d)
	})
}

// CountDead counts the dead deliveries that were not sent again.
func (db *DB) CountDead(ctx context.Context, webhookID string) (int, error) {
	n := 0
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		prefix, c := prefixOf(webhookID), tx.Bucket(bucketDead).Cursor()
		for k, raw := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, raw = c.Next() {
			if !bytes.Contains(raw, []byte(`"replayed":"`)) {
				n++
			}
		}
		return nil
	})
	return n, err
}

// lastSeq is the last Seq that an instance gave out.
func lastSeq(tx *bbolt.Tx, instanceID string) uint64 {
	raw := tx.Bucket(bucketEventSeq).Get([]byte(instanceID))
	if len(raw) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(raw)
}
