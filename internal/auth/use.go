package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Door is a contract that programs speak.
type Door string

// The doors.
const (
	DoorCodeChat   Door = "codechat-v2"
	DoorCodeChat13 Door = "codechat-v13"
	DoorInSPRL     Door = "insprl"
)

// Doors lists all doors in the order of their columns.
func Doors() []Door { return []Door{DoorCodeChat, DoorCodeChat13, DoorInSPRL} }

// HolderKind is a sort of credential.
type HolderKind string

// The sorts of credentials whose use is counted.
const (
	HolderKey         HolderKind = "key"          // an API key, by its id
	HolderToken       HolderKind = "token"        // the token of an instance, by its id
	HolderOldToken    HolderKind = "token-old"    // a replaced one that is still good
	HolderBusiness    HolderKind = "business"     // the token of a business, by its id
	HolderOldBusiness HolderKind = "business-old" // a replaced one that is still good
	HolderGlobal      HolderKind = "global"       // the operator's key; without an id
)

// Holder is a credential as far as its use is counted.
type Holder struct {
	Kind HolderKind `json:"kind"`
	ID   string     `json:"id"`
}

// Use is what one credential was used for at one door.
type Use struct {
	Holder
	Door Door      `json:"door"`
	At   time.Time `json:"at"`   // of the last call
	From string    `json:"from"` // address of the last call
	// Hour is the newest hour that has a count, in hours since 1970; Calls are
	// the counts of it and the 23 before, each at its hour modulo 24.
	Hour  int64      `json:"hour"`
	Calls [24]uint32 `json:"calls"`
}

// Calls24h is how many calls there were in this hour and the 23 before it.
func (u Use) Calls24h(now time.Time) int {
	hour, sum := hourOf(now), 0
	for h := max(u.Hour-23, hour-23); h <= u.Hour; h++ {
		sum += int(u.Calls[h%24])
	}
	return sum
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// count adds n calls at a time. A clock that was set back counts in the newest
// hour.
func (u *Use) count(at time.Time, n uint32) {
	hour := hourOf(at)
	if hour > u.Hour {
		for h := max(u.Hour+1, hour-23); h <= hour; h++ {
			u.Calls[h%24] = 0
		}
		u.Hour = hour
	}
	u.Calls[u.Hour%24] += n
}

const (
	// usesEvery is how often counts are written. A crash loses no more than the
	// calls since; that a credential is in use again is written at once.
	usesEvery = time.Minute
	// usesFresh is how old the stored last use of a credential may be without
	// its next use being news.
	usesFresh = time.Hour
)

// meter counts the use of credentials in memory; calls cost no write.
type meter struct {
	mu    sync.Mutex
	rows  map[meterKey]*meterRow
	known map[meterKey]time.Time // last use as it is stored
	news  chan struct{}          // a credential came into use
}

type meterKey struct {
	holder Holder
	door   Door
}

type meterRow struct {
	Use
	dirty bool
}

func newMeter() *meter {
	return &meter{
		rows: make(map[meterKey]*meterRow), known: make(map[meterKey]time.Time), news: make(chan struct{}, 1),
	}
}

// note counts one call.
func (m *meter) note(h Holder, door Door, from string, now time.Time) {
	key := meterKey{h, door}
	m.mu.Lock()
	row := m.rows[key]
	if row == nil {
		row = &meterRow{Use: Use{Holder: h, Door: door}}
		m.rows[key] = row
	}
	row.count(now, 1)
	row.At, row.From, row.dirty = now, from, true
	fresh := now.Sub(m.known[key]) < usesFresh
	m.mu.Unlock()
	if !fresh {
		select {
		case m.news <- struct{}{}:
		default:
		}
	}
}

// add takes over what is stored from an earlier run.
func (m *meter) add(stored []Use) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range stored {
		key := meterKey{u.Holder, u.Door}
		m.known[key] = u.At
		if m.rows[key] == nil { // nothing was counted before the rows were read
			m.rows[key] = &meterRow{Use: u}
		}
	}
}

// list gives the counts of all credentials.
func (m *meter) list() []Use {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]Use, 0, len(m.rows))
	for _, row := range m.rows {
		list = append(list, row.Use)
	}
	return list
}

// take gives the counts that have changed and marks them as written.
func (m *meter) take() []Use {
	m.mu.Lock()
	defer m.mu.Unlock()
	var changed []Use
	for key, row := range m.rows {
		if row.dirty {
			changed = append(changed, row.Use)
			row.dirty, m.known[key] = false, row.At
		}
	}
	return changed
}

// putBack marks counts that could not be written.
func (m *meter) putBack(uses []Use) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range uses {
		if row := m.rows[meterKey{u.Holder, u.Door}]; row != nil {
			row.dirty = true
		}
	}
}

// forget drops the counts of a credential.
func (m *meter) forget(h Holder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, door := range Doors() {
		delete(m.rows, meterKey{h, door})
		delete(m.known, meterKey{h, door})
	}
}

// NoteUse counts a call that a credential made. It writes nothing by itself;
// KeepUses does.
func (s *Service) NoteUse(h Holder, door Door, from string) {
	s.uses.note(h, door, clip(from, 64), s.wall())
}

// Uses gives what each credential was used for at each door, in no particular
// order. Some credentials may be gone.
func (s *Service) Uses(context.Context) ([]Use, error) { return s.uses.list(), nil }

// LoadUses reads the counts of earlier runs. It is called once, before the
// first call.
func (s *Service) LoadUses(ctx context.Context) error {
	stored, err := s.store.Uses(ctx)
	if err != nil {
		return fmt.Errorf("load the use of keys: %w", err)
	}
	s.uses.add(stored)
	return nil
}

// KeepUses writes counts down every minute, at once when a credential comes
// into use, and a last time when ctx ends.
func (s *Service) KeepUses(ctx context.Context) {
	tick := time.NewTicker(usesEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.uses.news:
		case <-ctx.Done():
			s.writeUses(context.WithoutCancel(ctx))
			return
		}
		s.writeUses(ctx)
	}
}

func (s *Service) writeUses(ctx context.Context) {
	changed := s.uses.take()
	if len(changed) == 0 {
		return
	}
	err := s.store.PutUses(ctx, changed)
	if err == nil {
		return
	}
	s.uses.putBack(changed)
	if !errors.Is(err, context.Canceled) {
		s.log.WarnContext(ctx, "store the use of keys", "error", err)
	}
}

// lastUse fills in when keys were last used. Files of before there were counts
// hold it in the key.
func (s *Service) lastUse(keys []APIKey) []APIKey {
	newest := make(map[string]Use)
	for _, u := range s.uses.list() {
		if u.Kind == HolderKey && u.At.After(newest[u.ID].At) {
			newest[u.ID] = u
		}
	}
	for i, k := range keys {
		if u := newest[k.ID]; u.At.After(k.UsedAt) {
			keys[i].UsedAt, keys[i].UsedFrom = u.At, u.From
		}
	}
	return keys
}
