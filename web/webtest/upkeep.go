package webtest

import (
	"context"
	"io"
	"maps"
	"strings"
	"sync"

	"pombal/internal/upkeep"
)

// Upkeep is a web.Upkeep in memory.
type Upkeep struct {
	mu      sync.Mutex
	clock   *Clock
	policy  upkeep.Policy
	backups []upkeep.Backup
	// Rows is how many rows of each kind any stricter policy deletes.
	Rows map[upkeep.Kind]int
	// Err is what MakeBackup answers with.
	Err error
}

// NewUpkeep makes an Upkeep with the default policy and no backup.
func NewUpkeep(clock *Clock) *Upkeep {
	return &Upkeep{clock: clock, policy: upkeep.Default(), Rows: make(map[upkeep.Kind]int)}
}

// Policy gives what was set.
func (u *Upkeep) Policy(context.Context) (upkeep.Policy, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.policy), nil
}

// SetPolicy checks and keeps a policy.
func (u *Upkeep) SetPolicy(_ context.Context, p upkeep.Policy) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := p.Check(); err != nil {
		return err
	}
	u.policy = maps.Clone(p)
	return nil
}

// Usage is made up.
func (u *Upkeep) Usage(context.Context) ([]upkeep.Usage, error) {
	var list []upkeep.Usage
	for _, kind := range upkeep.Kinds() {
		list = append(list, upkeep.Usage{Kind: kind, Rows: 7, Bytes: 7000, Oldest: u.clock.Now()})
	}
	return list, nil
}

// Doomed counts Rows for each kind that is kept for less than now.
func (u *Upkeep) Doomed(_ context.Context, p upkeep.Policy) (map[upkeep.Kind]int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := p.Check(); err != nil {
		return nil, err
	}
	doomed := make(map[upkeep.Kind]int)
	for kind, days := range p {
		if days > 0 && days < u.policy[kind] {
			doomed[kind] = u.Rows[kind]
		}
	}
	if u.policy.KeepsMessages() && !p.KeepsMessages() {
		doomed[upkeep.Messages] = u.Rows[upkeep.Messages]
	}
	return doomed, nil
}

// File is made up.
func (u *Upkeep) File() (upkeep.File, error) {
	return upkeep.File{Name: "pombal.db", Size: 1 << 20, Free: 1 << 16}, nil
}

// Backups lists what was made.
func (u *Upkeep) Backups() ([]upkeep.Backup, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]upkeep.Backup(nil), u.backups...), nil
}

// MakeBackup makes one up.
func (u *Upkeep) MakeBackup(context.Context) (upkeep.Backup, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.Err != nil {
		return upkeep.Backup{}, u.Err
	}
	now := u.clock.Now()
	b := upkeep.Backup{Name: "pombal.db.backup-" + now.Format("20060102-150405"), Size: 9, MadeAt: now, Checked: now}
	u.backups = append([]upkeep.Backup{b}, u.backups...)
	return b, nil
}

func (u *Upkeep) find(name string) (int, error) {
	for i, b := range u.backups {
		if b.Name == name {
			return i, nil
		}
	}
	return 0, upkeep.ErrNoBackup
}

// CheckBackup finds no damage.
func (u *Upkeep) CheckBackup(_ context.Context, name string) (upkeep.Backup, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i, err := u.find(name)
	if err != nil {
		return upkeep.Backup{}, err
	}
	u.backups[i].Checked = u.clock.Now()
	return u.backups[i], nil
}

// OpenBackup gives nine bytes.
func (u *Upkeep) OpenBackup(name string) (io.ReadCloser, int64, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, err := u.find(name)
	return io.NopCloser(strings.NewReader("data file")), 9, err
}

// DeleteBackup forgets one.
func (u *Upkeep) DeleteBackup(name string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	i, err := u.find(name)
	if err == nil {
		u.backups = append(u.backups[:i], u.backups[i+1:]...)
	}
	return err
}
