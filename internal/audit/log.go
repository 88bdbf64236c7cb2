package audit

import (
	"context"
	"time"
)

// Log appends to and reads the audit trail.
type Log struct {
	store Store
	now   func() time.Time
}

// NewLog makes a Log. Neither argument may be nil.
func NewLog(store Store, now func() time.Time) *Log {
	return &Log{store: store, now: now}
}

// Append stores an entry durably with the present time.
func (l *Log) Append(ctx context.Context, e Entry) error {
	e.At = l.now().UTC()
	return l.store.AppendAudit(ctx, e)
}

// List gives the newest entries first, at most limit.
func (l *Log) List(ctx context.Context, limit int) ([]Entry, error) {
	return l.store.AuditEntries(ctx, limit)
}
