package maintain

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"pombal/internal/backup"
	"pombal/internal/store"
	"pombal/internal/upkeep"
)

// Service is what the dashboard can do about the data file while Pombal serves.
type Service struct {
	db    *store.DB
	data  string
	now   func() time.Time
	log   *slog.Logger
	sweep chan struct{} // wakes the sweep

	making  sync.Mutex // one copy at a time
	mu      sync.Mutex
	checked map[string]upkeep.Backup // by name: Checked and Damage
}

// NewService makes a Service for the data file at data.
func NewService(db *store.DB, data string, log *slog.Logger, now func() time.Time) *Service {
	return &Service{db: db, data: data, log: log, now: now, sweep: make(chan struct{}, 1), checked: make(map[string]upkeep.Backup)}
}

// Policy says how long what is kept.
func (s *Service) Policy(ctx context.Context) (upkeep.Policy, error) { return s.db.Policy(ctx) }

// Usage says how much is stored of each kind.
func (s *Service) Usage(ctx context.Context) ([]upkeep.Usage, error) { return s.db.Usage(ctx) }

// Doomed counts what a policy would delete.
func (s *Service) Doomed(ctx context.Context, p upkeep.Policy) (map[upkeep.Kind]int, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return s.db.Doomed(ctx, p)
}

// SetPolicy stores a policy and wakes the sweep, which deletes what it does not
// keep.
func (s *Service) SetPolicy(ctx context.Context, p upkeep.Policy) error {
	if err := s.db.SetPolicy(ctx, p); err != nil {
		return err
	}
	select {
	case s.sweep <- struct{}{}:
	default: // it is about to begin anyway
	}
	return nil
}

// File says how large the data file is.
func (s *Service) File() (upkeep.File, error) {
	size, free, err := s.db.FileUse()
	return upkeep.File{Name: s.data, Size: size, Free: free}, err
}

// Backups lists the backups beside the data file, newest first.
func (s *Service) Backups() ([]upkeep.Backup, error) {
	list, err := backup.Made(s.data)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range list {
		if seen, ok := s.checked[list[i].Name]; ok && seen.Size == list[i].Size {
			list[i].Checked, list[i].Damage = seen.Checked, seen.Damage
		}
	}
	return list, err
}

// MakeBackup writes a verified copy of the data file beside it. ErrBusy while
// another is being made, ErrNoRoom when the disk has none for it.
func (s *Service) MakeBackup(ctx context.Context) (upkeep.Backup, error) {
	if !s.making.TryLock() {
		return upkeep.Backup{}, upkeep.ErrBusy
	}
	defer s.making.Unlock()
	file, err := s.File()
	if err != nil {
		return upkeep.Backup{}, err
	}
	if !s.db.RoomFor(file.Size) {
		return upkeep.Backup{}, upkeep.ErrNoRoom
	}
	began := s.now()
	name, err := backup.SaveBeside(ctx, s.db, s.data, began)
	switch {
	case errors.Is(err, backup.ErrExists):
		return upkeep.Backup{}, upkeep.ErrBusy // there is one of this very second
	case err != nil:
		return upkeep.Backup{}, err
	}
	path, err := backup.PathOf(s.data, name)
	if err != nil {
		return upkeep.Backup{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return upkeep.Backup{}, err
	}
	b := s.note(upkeep.Backup{Name: name, Size: info.Size(), MadeAt: began, Checked: s.now()})
	s.log.Info("a backup was made", "name", name, "bytes", b.Size, "took", s.now().Sub(began))
	return b, nil
}

// CheckBackup looks for damage to a backup; ErrNoBackup.
func (s *Service) CheckBackup(ctx context.Context, name string) (upkeep.Backup, error) {
	path, err := backup.PathOf(s.data, name)
	if err != nil {
		return upkeep.Backup{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return upkeep.Backup{}, err
	}
	found := store.Verify(ctx, path)
	if ctx.Err() != nil {
		return upkeep.Backup{}, ctx.Err()
	}
	b := upkeep.Backup{Name: name, Size: info.Size(), Checked: s.now()}
	if found != nil {
		b.Damage = found.Error()
	}
	return s.note(b), nil
}

func (s *Service) note(b upkeep.Backup) upkeep.Backup {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked[b.Name] = b
	return b
}

// OpenBackup opens a backup for reading and tells its size; ErrNoBackup.
func (s *Service) OpenBackup(name string) (io.ReadCloser, int64, error) {
	path, err := backup.PathOf(s.data, name)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// DeleteBackup removes a backup for good; ErrNoBackup.
func (s *Service) DeleteBackup(name string) error {
	path, err := backup.PathOf(s.data, name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.checked, name)
	s.log.Info("a backup was deleted", "name", name)
	return nil
}
