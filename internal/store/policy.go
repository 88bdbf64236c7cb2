package store

import (
	"context"
	"encoding/json"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/audit"
	"pombal/internal/event"
	"pombal/internal/upkeep"
	"pombal/internal/webhook"
)

var keyPolicy = []byte("retention")

// Policy is how long what is kept: as somebody chose, or the default.
func (db *DB) Policy(ctx context.Context) (upkeep.Policy, error) {
	var p upkeep.Policy
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		p, err = policyOf(tx)
		return err
	})
	return p, err
}

func policyOf(tx *bbolt.Tx) (upkeep.Policy, error) {
	p, found, err := load[upkeep.Policy](tx.Bucket(bucketMeta), keyPolicy)
	if !found {
		p = upkeep.Default()
	}
	if _, chosen := p[upkeep.Secrets]; err == nil && !chosen {
		p[upkeep.Secrets] = upkeep.Default()[upkeep.Secrets] // stored before there was a choice
	}
	return p, err
}

// SetPolicy stores how long what is kept; see upkeep.Policy.Check for what it
// refuses. Nothing is deleted before the next Sweep.
func (db *DB) SetPolicy(ctx context.Context, p upkeep.Policy) error {
	if err := p.Check(); err != nil {
		return err
	}
	return db.write(ctx, func(tx *bbolt.Tx) error { return save(tx.Bucket(bucketMeta), keyPolicy, p) })
}

// RetentionOf is a policy in the form that Sweep takes.
func RetentionOf(p upkeep.Policy) Retention {
	return Retention{
		Events: p.Keep(upkeep.Events), Deliveries: p.Keep(upkeep.Deliveries), Audit: p.Keep(upkeep.Audit),
		NoMessages: !p.KeepsMessages(),
	}
}

// kept are the buckets of each kind.
func kept() map[upkeep.Kind][][]byte {
	return map[upkeep.Kind][][]byte{
		upkeep.Events: {bucketEvent}, upkeep.Deliveries: {bucketDelivery, bucketDead}, upkeep.Audit: {bucketAudit},
	}
}

// Usage says how much is stored of each kind. It looks at the pages, not at
// the rows.
func (db *DB) Usage(ctx context.Context) ([]upkeep.Usage, error) {
	var list []upkeep.Usage
	for _, kind := range upkeep.Kinds() {
		u := upkeep.Usage{Kind: kind}
		for _, bucket := range kept()[kind] {
			err := db.read(ctx, func(tx *bbolt.Tx) error {
				s := tx.Bucket(bucket).Stats()
				u.Rows += s.KeyN
				u.Bytes += int64(s.LeafInuse + s.BranchInuse + s.InlineBucketInuse)
				return nil
			})
			if err == nil {
				err = db.oldest(ctx, bucket, kind, &u.Oldest)
			}
			if err != nil {
				return nil, err
			}
		}
		list = append(list, u)
	}
	return list, nil
}

// oldest looks at the first row of each instance or webhook: their rows lie in
// the order of time.
func (db *DB) oldest(ctx context.Context, bucket []byte, kind upkeep.Kind, found *time.Time) error {
	_, _, err := db.countRows(ctx, bucket, func(_, raw []byte) (verdict, error) {
		at, err := timeOf(kind, raw)
		if err == nil && (found.IsZero() || at.Before(*found)) {
			*found = at
		}
		return keepRest, err
	})
	return err
}

// timeOf is when a row of a kind was stored.
func timeOf(kind upkeep.Kind, raw []byte) (time.Time, error) {
	switch kind {
	case upkeep.Events:
		ev, err := decode[event.Event](raw)
		return ev.At, err
	case upkeep.Deliveries:
		d, err := decode[webhook.Delivery](raw)
		return d.QueuedAt, err
	default:
		entry, err := auditEntry(raw)
		return entry.At, err
	}
}

// Doomed counts the rows of each kind that the next sweep under a policy would
// delete.
func (db *DB) Doomed(ctx context.Context, p upkeep.Policy) (map[upkeep.Kind]int, error) {
	floors, err := db.pendingFloors(ctx)
	if err != nil {
		return nil, err
	}
	last, err := db.lastAudit(ctx)
	if err != nil {
		return nil, err
	}
	now := db.now()
	judges := map[upkeep.Kind]judge{
		upkeep.Events:     eventsBefore(now.Add(-p.Keep(upkeep.Events)), floors),
		upkeep.Deliveries: deliveriesBefore(now.Add(-p.Keep(upkeep.Deliveries))),
		upkeep.Audit:      auditBefore(now.Add(-p.Keep(upkeep.Audit)), last),
	}
	doomed := make(map[upkeep.Kind]int)
	for kind, buckets := range kept() {
		for _, bucket := range buckets {
			n, _, err := db.countRows(ctx, bucket, judges[kind])
			if err != nil {
				return nil, err
			}
			doomed[kind] += n
		}
	}
	before, err := db.Policy(ctx)
	if err == nil && before.KeepsMessages() && !p.KeepsMessages() {
		doomed[upkeep.Messages], _, err = db.countRows(ctx, bucketEvent, personalEvents)
	}
	return doomed, err
}

// countRows goes through a bucket as a sweep does, and counts what it would
// remove.
func (db *DB) countRows(ctx context.Context, bucket []byte, judge judge) (doomed, seen int, err error) {
	for at := []byte{}; at != nil; {
		rows, next, err := db.sweepStep(ctx, bucket, at, func(k, raw []byte) (verdict, error) {
			seen++
			return judge(k, raw)
		})
		if err != nil {
			return doomed, seen, err
		}
		doomed += len(rows)
		at = next
	}
	return doomed, seen, nil
}

// FileUse is how large the file is and how much of it holds nothing, in bytes.
func (db *DB) FileUse() (size, free int64, err error) {
	size, err = sizeOf(db.bolt.Path())
	// bbolt counts when a write transaction ends.
	stats := db.bolt.Stats()
	return size, int64(stats.FreePageN+stats.PendingPageN) * int64(db.bolt.Info().PageSize), err
}

// auditEntry reads an entry of the audit log as it is stored.
func auditEntry(raw []byte) (audit.Entry, error) {
	row, err := decode[auditRow](raw)
	if err != nil {
		return audit.Entry{}, err
	}
	var entry audit.Entry
	err = json.Unmarshal(row.Entry, &entry)
	return entry, err
}
