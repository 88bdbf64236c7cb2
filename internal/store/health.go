package store

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/webhook"
)

// hookHealth is what is stored of a webhook beside its record: it changes with
// every delivery.
type hookHealth struct {
	webhook.Health
	// Untrimmed counts the rows that were logged since the log was last cut.
	Untrimmed int `json:"untrimmed,omitempty"`
}

// trimEach is how many rows a log may be too long. Counting its rows after
// each delivery would cost more than the delivery.
const trimEach = 64

// WebhookHealth gives how a webhook's attempts went; see webhook.Outbox.
func (db *DB) WebhookHealth(ctx context.Context, webhookID string) (webhook.Health, error) {
	var h hookHealth
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		h, _, err = load[hookHealth](tx.Bucket(bucketHealth), []byte(webhookID))
		return err
	})
	return h.Health, err
}

// noteHealth notes in a webhook's health what an outcome says of its receiver,
// and says whether its log is to be cut.
func noteHealth(tx *bbolt.Tx, before, after webhook.Delivery) (trim bool, err error) {
	bucket, key := tx.Bucket(bucketHealth), []byte(after.WebhookID)
	h, _, err := load[hookHealth](bucket, key)
	if err != nil {
		return false, err
	}
	if after.Attempts > before.Attempts && after.Last != nil {
		h.Note(after.Last.At, after.Last.Good())
	}
	if after.Status != webhook.StatusPending {
		h.Untrimmed++
	}
	if trim = h.Untrimmed >= trimEach; trim {
		h.Untrimmed = 0
	}
	return trim, saved(save(bucket, key, h))
}

// saved forgives that just that was stored already, where other things are
// stored in the same transaction.
func saved(err error) error {
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// TrimLane drops the oldest pending deliveries of a lane that is too long; see
// webhook.Outbox.
func (db *DB) TrimLane(ctx context.Context, webhookID string, most webhook.QueueLimit) (int, error) {
	all := 0
	for {
		size, err := db.laneSize(ctx, webhookID)
		if err != nil || !size.exceeds(most) {
			return all, err
		}
		removed := 0
		err = db.write(ctx, func(tx *bbolt.Tx) (err error) {
			if removed, err = trimStep(tx, webhookID, most); err != nil {
				return err
			}
			bucket, key := tx.Bucket(bucketHealth), []byte(webhookID)
			h, _, err := load[hookHealth](bucket, key)
			if err != nil {
				return err
			}
			h.Overflow += uint64(removed)
			h.OverflowAt = db.now().UTC().Round(time.Second)
			return save(bucket, key, h)
		})
		if err != nil || removed == 0 {
			return all, err
		}
		all += removed
	}
}

func (db *DB) laneSize(ctx context.Context, webhookID string) (size laneSize, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) (err error) {
		size, err = sizeOfLane(tx, webhookID)
		return err
	})
	return size, err
}

// trimStep drops deliveries until the lane is short enough or dropChunk of them
// are gone.
func trimStep(tx *bbolt.Tx, webhookID string, most webhook.QueueLimit) (int, error) {
	for removed := range dropChunk {
		size, err := sizeOfLane(tx, webhookID)
		if err != nil || !size.exceeds(most) {
			return removed, err
		}
		if ok, err := dropOldest(tx, webhookID); err != nil || !ok {
			return removed, err
		}
	}
	return dropChunk, nil
}
