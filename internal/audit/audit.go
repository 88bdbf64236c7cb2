// Package audit keeps who did what, when, from where. Entries are only ever
// appended.
package audit

import (
	"context"
	"time"
)

// Entry is one action of a person or a program.
type Entry struct {
	ID        uint64            `json:"id"` // counts up
	At        time.Time         `json:"at"`
	Actor     string            `json:"actor"`  // user:<email>, key:<prefix>, token:<instance id>, global-key, system
	Action    string            `json:"action"` // such as instance.logout
	Object    string            `json:"object"` // such as instance:<id>
	From      string            `json:"from"`   // address of the caller
	RequestID string            `json:"requestId"`
	Detail    map[string]string `json:"detail,omitempty"` // never a secret
}

// Store appends entries durably and lists them.
type Store interface {
	AppendAudit(ctx context.Context, e Entry) error
	// AuditEntries lists the newest entries first, at most limit.
	AuditEntries(ctx context.Context, limit int) ([]Entry, error)
}
