// Package upkeep holds the words of looking after the data file: how long what
// is kept, what is stored now, and which backups there are.
package upkeep

import (
	"time"

	"pombal/internal/problem"
)

// Kind is something that is kept for a while.
type Kind string

// The kinds. Messages are found in the events that brought them.
const (
	Events     Kind = "events"
	Deliveries Kind = "deliveries" // of webhooks, settled ones
	Audit      Kind = "audit"
)

// Messages are the events about messages, chats and contacts, by which these
// can be looked up. They go with the other events, or at once: Off.
const Messages Kind = "messages"

// Secrets are the keys that come with a message, by which the votes, edits and
// reactions that others send to it later can be read. They are kept by months.
const Secrets Kind = "secrets"

// Off is the time of Messages when none are kept.
const Off = -1

// Kinds are the kinds that can be counted, in the order of pages.
func Kinds() []Kind { return []Kind{Events, Deliveries, Audit} }

// Choices are the kinds that are kept for a number of days, in the order of
// pages.
func Choices() []Kind { return append(Kinds(), Secrets) }

// Policy says for how many days each kind is kept; 0 is for ever. For Messages
// it says Off, or anything else for as long as events.
type Policy map[Kind]int

// MaxDays is the longest time but for ever: ten years.
const MaxDays = 3650

// Default is the policy until somebody chooses another.
func Default() Policy { return Policy{Events: 30, Deliveries: 30, Audit: 365, Secrets: 365} }

// Check looks at each kind; problem.Invalid names the kinds that are missing or
// out of range.
func (p Policy) Check() error {
	var faults []problem.Field
	for _, k := range Choices() {
		if days, ok := p[k]; !ok || days < 0 || days > MaxDays {
			faults = append(faults, problem.Field{Name: string(k), Text: problem.Text{Key: "error.days", Args: []any{"max", MaxDays}}})
		}
	}
	if len(faults) > 0 {
		return problem.WithFields(problem.Invalid, faults...)
	}
	return nil
}

// KeepsMessages says whether messages, chats and contacts can be looked up.
func (p Policy) KeepsMessages() bool { return p[Messages] != Off }

// Keep is how long a kind is kept.
func (p Policy) Keep(k Kind) time.Duration {
	if p[k] <= 0 {
		return forever
	}
	return time.Duration(p[k]) * 24 * time.Hour
}

// Months is how long a kind is kept in whole months, a begun one counted.
func (p Policy) Months(k Kind) int {
	const year = 365
	days := int(p.Keep(k) / (24 * time.Hour))
	return (12*days + year - 1) / year
}

// forever is longer than anything has been kept.
const forever = 100 * 365 * 24 * time.Hour

// Usage is what is stored of a kind.
type Usage struct {
	Kind   Kind
	Rows   int
	Bytes  int64
	Oldest time.Time // zero when there is none
}

// File is the data file.
type File struct {
	Name string // as the settings name it
	Size int64  // bytes
	Free int64  // bytes in it that hold nothing
}

// Backup is a copy of the data file beside it.
type Backup struct {
	Name    string // of the file, without its folder
	Size    int64  // bytes
	MadeAt  time.Time
	Checked time.Time // when it was last looked at for damage
	Damage  string    // what was found then; empty when it is good
}

// Errors that people see.
var (
	ErrNoBackup = problem.New(problem.NotFound, "error.no_backup")
	ErrBusy     = problem.New(problem.Conflict, "error.backup_busy")
	ErrNoRoom   = problem.New(problem.Storage, "error.backup_room")
)
