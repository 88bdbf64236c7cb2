package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"sort"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

// eventHead is what an event is chosen by.
type eventHead struct {
	ID   string     `json:"id"`
	Seq  uint64     `json:"seq"`
	Type event.Type `json:"type"`
}

// recordedAt is when an event was recorded, by its id: At may be a time that
// WhatsApp named.
func (h eventHead) recordedAt() time.Time {
	raw, err := hex.DecodeString(strings.ReplaceAll(h.ID, "-", ""))
	if err != nil || len(raw) < 6 {
		return time.Time{}
	}
	var ms int64
	for _, b := range raw[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms)
}

// seqWhere finds the first Seq of an instance whose event satisfies cond, which
// must hold for all later ones; one more than the last when there is none.
func seqWhere(tx *bbolt.Tx, instanceID string, cond func(eventHead) bool) (uint64, error) {
	c, prefix := tx.Bucket(bucketEvent).Cursor(), prefixOf(instanceID)
	var failed error
	end := lastSeq(tx, instanceID) + 1
	i := sort.Search(int(end), func(i int) bool {
		k, raw := c.Seek(countKey(instanceID, uint64(i)))
		if !bytes.HasPrefix(k, prefix) || failed != nil {
			return true
		}
		h, err := decode[eventHead](raw)
		failed = errors.Join(failed, err)
		return cond(h)
	})
	return uint64(i), failed
}

// WindowEvents lists the events of a span of time that a webhook wants and that
// do not wait for it already, by Seq, at most limit, and counts all of them.
func (db *DB) WindowEvents(ctx context.Context, w webhook.Webhook, in webhook.Window, limit int) (seqs []uint64, n int, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) error {
		waiting, err := waitingSeqs(tx, w.ID)
		if err != nil {
			return err
		}
		from, err := seqWhere(tx, w.InstanceID, func(h eventHead) bool { return !h.recordedAt().Before(in.From) })
		if err != nil {
			return err
		}
		c, prefix := tx.Bucket(bucketEvent).Cursor(), prefixOf(w.InstanceID)
		for k, raw := c.Seek(countKey(w.InstanceID, from)); bytes.HasPrefix(k, prefix); k, raw = c.Next() {
			h, err := decode[eventHead](raw)
			if err != nil {
				return err
			}
			if h.recordedAt().After(in.To) {
				break
			}
			if waiting[h.Seq] || !w.Events.Toggles.Has(h.Type) {
				continue
			}
			if n++; len(seqs) < limit {
				seqs = append(seqs, h.Seq)
			}
		}
		return nil
	})
	return seqs, n, err
}

// waitingSeqs are the events that wait for a webhook.
func waitingSeqs(tx *bbolt.Tx, webhookID string) (map[uint64]bool, error) {
	seqs, prefix := make(map[uint64]bool), prefixOf(webhookID)
	for _, name := range [][]byte{bucketOutbox, bucketParked} {
		c := tx.Bucket(name).Cursor()
		for k, raw := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, raw = c.Next() {
			d, err := decode[struct {
				Seq uint64 `json:"eventSeq"`
			}](raw)
			if err != nil {
				return nil, err
			}
			seqs[d.Seq] = true
		}
	}
	return seqs, nil
}

// ReplayEvents queues events again in one commit and says how many are still
// stored.
func (db *DB) ReplayEvents(ctx context.Context, w webhook.Webhook, seqs []uint64) (int, error) {
	n := 0
	err := db.grow(ctx, func(tx *bbolt.Tx) error {
		for _, seq := range seqs {
			ok, err := db.replay(tx, w, w.InstanceID, seq)
			if err != nil {
				return err
			}
			if ok {
				n++
			}
		}
		if n == 0 {
			return errUnchanged
		}
		return nil
	})
	return n, err
}

// replay queues an event again; false when it is no longer stored.
func (db *DB) replay(tx *bbolt.Tx, w webhook.Webhook, instanceID string, seq uint64) (bool, error) {
	ev, ok, err := load[event.Event](tx.Bucket(bucketEvent), countKey(instanceID, seq))
	if err != nil || !ok {
		return false, err
	}
	id, err := tx.Bucket(bucketOutbox).NextSequence()
	if err != nil {
		return false, err
	}
	return true, saved(putIn(tx, webhook.Delivery{
		ID: id, WebhookID: w.ID, InstanceID: instanceID, EventID: ev.ID, EventType: ev.Type, EventSeq: seq,
		Size: len(ev.Body), QueuedAt: db.now(), Status: webhook.StatusPending, Replay: true,
	}))
}

// ReplayDelivery queues the event of a settled delivery again;
// webhook.ErrNoDelivery, webhook.ErrEventGone.
func (db *DB) ReplayDelivery(ctx context.Context, w webhook.Webhook, id uint64) error {
	return db.grow(ctx, func(tx *bbolt.Tx) error {
		d, err := findDelivery(tx, w.ID, id)
		if err != nil {
			return err
		}
		if d.Status == webhook.StatusPending {
			return webhook.ErrNoDelivery
		}
		ok, err := db.replay(tx, w, d.InstanceID, d.EventSeq)
		if err != nil {
			return err
		}
		if !ok {
			return webhook.ErrEventGone
		}
		return db.markReplayed(tx, d)
	})
}

func (db *DB) markReplayed(tx *bbolt.Tx, d webhook.Delivery) error {
	d.Replayed = db.now().UTC().Round(0)
	return saved(save(logOf(tx, d), countKey(d.WebhookID, d.ID), d))
}

// ReplayDead queues the events of at most limit dead deliveries again; see
// webhook.Ledger. Those whose event is gone are marked all the same.
func (db *DB) ReplayDead(ctx context.Context, w webhook.Webhook, limit int) (int, error) {
	n := 0
	err := db.grow(ctx, func(tx *bbolt.Tx) error {
		dead, err := unreplayed(tx, w.ID, limit)
		if err != nil || len(dead) == 0 {
			return errors.Join(err, errUnchanged)
		}
		for _, d := range dead {
			if _, err := db.replay(tx, w, d.InstanceID, d.EventSeq); err != nil {
				return err
			}
			if err := db.markReplayed(tx, d); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// unreplayed are the oldest dead deliveries that were not sent again.
func unreplayed(tx *bbolt.Tx, webhookID string, limit int) ([]webhook.Delivery, error) {
	var dead []webhook.Delivery
	prefix, c := prefixOf(webhookID), tx.Bucket(bucketDead).Cursor()
	for k, raw := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(dead) < limit; k, raw = c.Next() {
		d, err := decode[webhook.Delivery](raw)
		if err != nil {
			return nil, err
		}
		if d.Replayed.IsZero() {
			dead = append(dead, d)
		}
	}
	return dead, nil
}

// logOf is where a settled delivery is kept.
func logOf(tx *bbolt.Tx, d webhook.Delivery) *bbolt.Bucket {
	name := bucketDelivery
	if d.Status == webhook.StatusDead {
		name = bucketDead
	}
	b := tx.Bucket(name)
	b.FillPercent = fillAppended
	return b
}
