package web

import (
	"context"
	"io"

	"pombal/internal/upkeep"
)

// Upkeep looks after the data file; maintain.Service is the real one.
type Upkeep interface {
	// Policy says how long what is kept; SetPolicy changes it, and what is older
	// is deleted soon. problem.Invalid names the kinds.
	Policy(ctx context.Context) (upkeep.Policy, error)
	SetPolicy(ctx context.Context, p upkeep.Policy) error
	// Usage says how much is stored, Doomed how much a policy would delete.
	Usage(ctx context.Context) ([]upkeep.Usage, error)
	Doomed(ctx context.Context, p upkeep.Policy) (map[upkeep.Kind]int, error)
	// File says how large the data file is.
	File() (upkeep.File, error)
	// Backups lists the backups beside the data file, newest first.
	Backups() ([]upkeep.Backup, error)
	// MakeBackup makes one and verifies it; upkeep.ErrBusy, upkeep.ErrNoRoom.
	MakeBackup(ctx context.Context) (upkeep.Backup, error)
	// The others answer upkeep.ErrNoBackup when there is none of that name.
	CheckBackup(ctx context.Context, name string) (upkeep.Backup, error)
	OpenBackup(name string) (content io.ReadCloser, size int64, err error)
	DeleteBackup(name string) error
}
