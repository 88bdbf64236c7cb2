package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

var _ webhook.Outbox = (*DB)(nil)

const (
	// keepDeliveries is how many settled deliveries of a webhook stay readable.
	keepDeliveries = 1000
	// dropChunk bounds the rows that one commit removes, so that other writers
	// need not wait long.
	dropChunk = 2000
)

// Lanes lists the webhooks that have pending deliveries.
func (db *DB) Lanes(ctx context.Context) ([]string, error) {
	var lanes []string
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketOutbox, bucketParked} {
			c := tx.Bucket(name).Cursor()
			for k, _ := c.First(); k != nil; {
				id, _, _ := bytes.Cut(k, []byte{0})
				lanes = append(lanes, string(id))
				k, _ = c.Seek(successor(prefixOf(string(id))))
			}
		}
		return nil
	})
	slices.Sort(lanes)
	return slices.Compact(lanes), err
}

// Next gives what a lane is to attempt at the time now; see webhook.Outbox.
func (db *DB) Next(ctx context.Context, webhookID string, now time.Time) (job webhook.Job, due time.Time, ok bool, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) error {
		found, err := candidates(tx, webhookID)
		if err != nil || len(found) == 0 {
			return err
		}
		if job, err = loadJob(tx, found[0]); err != nil || job.Gone {
			ok = err == nil
			return err
		}
		next, nextAt, dueNow := choose(found, now)
		if !dueNow {
			job, due = webhook.Job{}, nextAt
			return nil
		}
		job, err = loadJob(tx, next)
		ok = err == nil
		return err
	})
	if err != nil {
		return webhook.Job{}, time.Time{}, false, fmt.Errorf("next of lane %s: %w", webhookID, err)
	}
	return job, due, ok, nil
}

// choose picks the due candidate with the earliest Due; when none is due,
// nextAt is when the first of them will be.
func choose(found []webhook.Delivery, now time.Time) (next webhook.Delivery, nextAt time.Time, ok bool) {
	for _, d := range found {
		switch {
		case d.NextAt.After(now):
			if nextAt.IsZero() || d.NextAt.Before(nextAt) {
				nextAt = d.NextAt
			}
		case !ok || d.Due().Before(next.Due()):
			next, ok = d, true
		}
	}
	return next, nextAt, ok
}

func loadJob(tx *bbolt.Tx, d webhook.Delivery) (webhook.Job, error) {
	w, living, err := loadHook(tx, d)
	if err != nil {
		return webhook.Job{}, err
	}
	// An event that is no longer stored leaves the zero Event: the dispatcher
	// drops the delivery and says why.
	ev, _, err := load[event.Event](tx.Bucket(bucketEvent), countKey(d.InstanceID, d.EventSeq))
	return webhook.Job{Delivery: d, Webhook: w, Event: ev, Gone: !living}, err
}

// Settle stores the outcome of a delivery: pending again, or one of the final
// statuses, which moves it from the outbox to the log. A delivery that is no
// longer pending was settled or dropped meanwhile and is left as it is.
func (db *DB) Settle(ctx context.Context, d webhook.Delivery) error {
	return db.writeShared(ctx, func(tx *bbolt.Tx) error {
		old, ok, err := pending(tx, d.WebhookID, d.ID)
		if err != nil {
			return err
		}
		if !ok || same(old, d) {
			return errUnchanged
		}
		if err := takeOut(tx, old); err != nil {
			return err
		}
		trim, err := noteHealth(tx, old, d)
		if err != nil {
			return err
		}
		if d.Status == webhook.StatusPending {
			return putIn(tx, d)
		}
		if tx.Bucket(bucketWebhook).Get(pairKey(d.InstanceID, d.WebhookID)) == nil {
			if _, ok, err := loadHook(tx, d); err != nil || !ok {
				return err // nobody can look at the log of a webhook that is gone
			}
		}
		return logDelivery(tx, d, trim)
	})
}

// logDelivery appends to the log of a webhook. With trim its oldest rows make
// room.
func logDelivery(tx *bbolt.Tx, d webhook.Delivery, trim bool) error {
	ledger := logOf(tx, d)
	if err := saved(save(ledger, countKey(d.WebhookID, d.ID), d)); err != nil || !trim {
		return err
	}
	prefix := prefixOf(d.WebhookID)
	for name, keep := range map[string]int{string(bucketDelivery): keepDeliveries, string(bucketDead): keepDead} {
		b := tx.Bucket([]byte(name))
		if _, err := removePrefix(b, prefix, countPrefix(b, prefix)-keep); err != nil {
			return err
		}
	}
	return nil
}

// DropLane removes all pending deliveries of a webhook that is gone. A long
// lane takes several commits.
func (db *DB) DropLane(ctx context.Context, webhookID string) error {
	for {
		removed := 0
		err := db.write(ctx, func(tx *bbolt.Tx) (err error) {
			removed, err = dropPending(tx, webhookID, dropChunk)
			if err == nil && removed == 0 {
				return errUnchanged
			}
			return err
		})
		if err != nil || removed == 0 {
			return err
		}
	}
}

// Deliveries lists the newest deliveries of a webhook, pending ones included,
// newest first, at most limit.
func (db *DB) Deliveries(ctx context.Context, webhookID string, limit int) ([]webhook.Delivery, error) {
	var list []webhook.Delivery
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketOutbox, bucketParked, bucketDelivery, bucketDead} {
			part, err := newest[webhook.Delivery](tx.Bucket(name), prefixOf(webhookID), limit)
			if err != nil {
				return fmt.Errorf("deliveries of webhook %s: %w", webhookID, err)
			}
			list = append(list, part...)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b webhook.Delivery) int { return cmp.Compare(b.ID, a.ID) })
	return list[:min(len(list), max(limit, 0))], err
}

// Waiting counts the pending deliveries of a webhook.
func (db *DB) Waiting(ctx context.Context, webhookID string) (int, error) {
	size, err := db.laneSize(ctx, webhookID)
	return int(size.rows), err
}

// enqueue writes the outbox row of an event for one webhook.
func enqueue(tx *bbolt.Tx, w webhook.Webhook, ev event.Event, now time.Time) error {
	id, err := tx.Bucket(bucketOutbox).NextSequence()
	if err != nil {
		return err
	}
	return putIn(tx, webhook.Delivery{
		ID: id, WebhookID: w.ID, InstanceID: w.InstanceID, EventID: ev.ID, EventType: ev.Type, EventSeq: ev.Seq,
		Size: len(ev.Body), QueuedAt: now, Status: webhook.StatusPending,
	})
}
