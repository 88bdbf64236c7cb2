package audit

import (
	"context"
	"fmt"
	"time"
)

// Log appends entries to a Store. It is safe for concurrent use.
type Log struct {
	store Store
	now   func() time.Time
}

// NewLog makes a Log. Neither store nor now may be nil.
func NewLog(store Store, now func() time.Time) *Log {
	return &Log{store: store, now: now}
}

// Append stores an entry durably. It sets the time of the entry; the store
// gives it its id.
func (l *Log) Append(ctx context.Context, e Entry) error {
	e.At = l.now().UTC()
	if err := l.store.AppendAudit(ctx, e); err != nil {
		return fmt.Errorf("append to audit log: %w", err)
	}
	return nil
}

// List gives the newest entries first, at most limit.
func (l *Log) List(ctx context.Context, limit int) ([]Entry, error) {
	list, err := l.store.AuditEntries(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("list audit log: %w", err)
	}
	return list, nil
}
