package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/webhook"
)

// Retention says how long things are kept. A field that is not positive means
// its default.
type Retention struct {
	// Events is the log of events; 30 days. What is still to be delivered stays
	// longer.
	Events time.Duration
	// EventKeys is how long a repetition is recognised; 30 days. WhatsApp
	// repeats for 14.
	EventKeys time.Duration
	// Messages are the addresses of messages that were sent, which answers and
	// receipts refer to, and histories that could not be fetched; as long as
	// events, but at least 30 days.
	Messages time.Duration
	// Parties are chats and contacts, from when they last took part in
	// anything; as long as events, but at least 1 year. Afterwards one that comes
	// back is new, with another id.
	Parties time.Duration
	// NoMessages removes what is known of messages, chats and contacts as soon as
	// no delivery waits for it, but for the bare addresses of chats and of sent
	// messages: those 30 days, because receipts refer to them, and because
	// without them everybody would be somebody new to write to.
	NoMessages bool
	// Deliveries is the log of settled deliveries; 30 days.
	Deliveries time.Duration
	// Throttles is how long failed logins are remembered; 7 days.
	Throttles time.Duration
	// Audit is the audit log; 1 year.
	Audit time.Duration
}

const (
	dayLong = 24 * time.Hour
	// addressDays is how long addresses stay when messages are not kept.
	addressDays = 30 * dayLong
)

// withDefaults fills in what is not set.
func (r Retention) withDefaults() Retention {
	fill := func(d *time.Duration, fallback time.Duration) {
		if *d <= 0 {
			*d = fallback
		}
	}
	fill(&r.Events, 30*dayLong)
	fill(&r.EventKeys, 30*dayLong)
	fill(&r.Messages, max(r.Events, 30*dayLong))
	fill(&r.Parties, max(r.Events, 365*dayLong))
	if r.NoMessages {
		r.Messages, r.Parties = min(r.Messages, addressDays), min(r.Parties, addressDays)
	}
	fill(&r.Deliveries, 30*dayLong)
	fill(&r.Throttles, 7*dayLong)
	fill(&r.Audit, 365*dayLong)
	return r
}

// Sweep removes what is past its time, and deleted instances for which nothing
// waits any more. It reads and writes in small steps, so that nobody waits for
// it long; a step without anything to remove writes nothing.
func (db *DB) Sweep(ctx context.Context, keep Retention) error {
	keep = keep.withDefaults()
	now := db.now()
	floors, err := db.pendingFloors(ctx)
	if err != nil {
		return err
	}
	last, err := db.lastAudit(ctx)
	if err != nil {
		return err
	}
	tables := []struct {
		bucket []byte
		judge  judge
	}{
		{bucketEvent, eventsBefore(now.Add(-keep.Events), floors)},
		{bucketEventKey, keysBefore(now.Add(-keep.EventKeys))},
		{bucketMessage, messagesBefore(now.Add(-keep.Messages))},
		{bucketNotice, noticesBefore(now.Add(-keep.Messages))},
		{bucketDelivery, deliveriesBefore(now.Add(-keep.Deliveries))},
		{bucketDead, deliveriesBefore(now.Add(-keep.Deliveries))},
		{bucketThrottle, throttlesBefore(now.Add(-keep.Throttles), now)},
		{bucketAudit, auditBefore(now.Add(-keep.Audit), last)},
	}
	for _, t := range tables {
		if err := db.sweepRows(ctx, t.bucket, t.judge); err != nil {
			return fmt.Errorf("sweep %s: %w", t.bucket, err)
		}
	}
	chats, contacts := now.Add(-keep.Parties), now.Add(-keep.Parties)
	if keep.NoMessages {
		if err := db.sweepMessages(ctx); err != nil {
			return fmt.Errorf("sweep messages: %w", err)
		}
		contacts = now
	}
	if err := db.sweepParties(ctx, bucketChat, bucketChatAddress, chats); err != nil {
		return err
	}
	if err := db.sweepParties(ctx, bucketContact, bucketContactAddress, contacts); err != nil {
		return err
	}
	return db.purgeDeleted(ctx, floors)
}

// pendingFloors gives, for each instance that deliveries wait for, the number
// of the oldest event they need.
func (db *DB) pendingFloors(ctx context.Context) (map[string]uint64, error) {
	floors := make(map[string]uint64)
	note := func(_, raw []byte) (verdict, error) {
		d, err := decode[webhook.Delivery](raw)
		if floor, ok := floors[d.InstanceID]; err == nil && (!ok || d.EventSeq < floor) {
			floors[d.InstanceID] = d.EventSeq
		}
		return keepRow, err
	}
	for _, name := range [][]byte{bucketOutbox, bucketParked} {
		if err := db.sweepRows(ctx, name, note); err != nil {
			return nil, fmt.Errorf("read what waits: %w", err)
		}
	}
	return floors, nil
}

func (db *DB) lastAudit(ctx context.Context) (key []byte, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) error {
		last, _ := tx.Bucket(bucketAudit).Cursor().Last()
		key = bytes.Clone(last)
		return nil
	})
	return key, err
}

// eventsBefore drops the events recorded before the time that nobody waits
// for. The id tells when that was: an event may be about something much older.
func eventsBefore(cutoff time.Time, floors map[string]uint64) judge {
	return func(_, raw []byte) (verdict, error) {
		ev, err := decode[event.Event](raw)
		if err != nil {
			return keepRow, err
		}
		at := ev.At
		if id, err := uuid.Parse(ev.ID); err == nil && id.Version() == 7 {
			at = time.Unix(id.Time().UnixTime())
		}
		if floor, waits := floors[ev.InstanceID]; !at.Before(cutoff) || waits && ev.Seq >= floor {
			return keepRest, nil // the events of an instance lie in their order
		}
		return dropRow, nil
	}
}

func keysBefore(cutoff time.Time) judge {
	return func(_, raw []byte) (verdict, error) {
		if len(raw) == 8 && int64(binary.BigEndian.Uint64(raw)) >= cutoff.UnixMilli() {
			return keepRow, nil
		}
		return dropRow, nil
	}
}

func messagesBefore(cutoff time.Time) judge {
	return func(_, raw []byte) (verdict, error) {
		ref, err := decode[event.MessageRef](raw)
		if err != nil || !ref.At.Before(cutoff) {
			return keepRow, err
		}
		return dropRow, nil
	}
}

func noticesBefore(cutoff time.Time) judge {
	return func(_, raw []byte) (verdict, error) {
		n, err := decode[event.Notice](raw)
		if err != nil || !n.At.Before(cutoff) {
			return keepRow, err
		}
		return dropRow, nil
	}
}

func deliveriesBefore(cutoff time.Time) judge {
	return func(_, raw []byte) (verdict, error) {
		d, err := decode[webhook.Delivery](raw)
		if err != nil || !d.QueuedAt.Before(cutoff) {
			return keepRow, err
		}
		return dropRow, nil
	}
}

func throttlesBefore(cutoff, now time.Time) judge {
	return func(_, raw []byte) (verdict, error) {
		t, err := decode[auth.Throttle](raw)
		if err != nil || !t.LastAt.Before(cutoff) || t.Until.After(now) {
			return keepRow, err
		}
		return dropRow, nil
	}
}

// auditBefore keeps the newest entry whatever its age: the chain goes on from
// it.
func auditBefore(cutoff time.Time, last []byte) judge {
	return func(key, raw []byte) (verdict, error) {
		entry, err := auditEntry(raw)
		if err != nil {
			return keepRow, err
		}
		if bytes.Equal(key, last) || !entry.At.Before(cutoff) {
			return keepRow, nil
		}
		return dropRow, nil
	}
}
