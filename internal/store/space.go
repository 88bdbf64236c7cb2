package store

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"pombal/internal/problem"
)

// ErrNoSpace says that the disk is nearly full, so that only what is needed to
// stay linked, to deliver what waits and to make room is still written.
var ErrNoSpace = errors.New("the disk is nearly full")

const (
	// spaceShare and spaceLeast: growth stops where less than a 20th of the disk
	// and less than 200 MB are free. A 20th of a large disk is much, and a small
	// one may never have 200 MB.
	spaceShare = 20
	spaceLeast = 200 << 20
	// spaceSlack is by how much more must be free before growth goes on: a
	// quarter of the limit, so that it does not stop and go.
	spaceSlack = 4
	// spaceEvery is how often the disk is looked at.
	spaceEvery = 2 * time.Second
)

// space looks at the disk of the data file now and then.
type space struct {
	look   func() (free, total uint64, err error)
	log    *slog.Logger
	more   func() // called when there is room again
	short  atomic.Pointer[problem.Error]
	once   sync.Once
	ending chan struct{}
	over   chan struct{}
}

// watchSpace starts to look. The first look is over when it returns. more must
// not block.
func watchSpace(look func() (free, total uint64, err error), log *slog.Logger, more func()) *space {
	s := &space{look: look, log: log, more: more, ending: make(chan struct{}), over: make(chan struct{})}
	s.check()
	go s.run()
	return s
}

func (s *space) run() {
	defer close(s.over)
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.check()
		case <-s.ending:
			return
		}
	}
}

// close ends the looking and waits for it. It may be called twice.
func (s *space) close() {
	s.once.Do(func() { close(s.ending) })
	<-s.over
}

// check compares what is free with the limit. A disk that cannot be asked
// changes nothing.
func (s *space) check() {
	free, total, err := s.look()
	if err != nil || total == 0 {
		return
	}
	limit := min(total/spaceShare, spaceLeast)
	was := s.short.Load() != nil
	switch {
	case free < limit:
		s.short.Store(shortage(free, limit))
		if !was {
			s.log.Error("the disk is nearly full; nothing new is taken in until there is room",
				"free", free, "limit", limit)
		}
	case was && free >= limit+limit/spaceSlack:
		s.short.Store(nil)
		s.log.Info("there is room on the disk again", "free", free)
		s.more()
	}
}

// shortage tells people how much is free and how much must be.
func shortage(free, limit uint64) *problem.Error {
	const megabyte = 1 << 20
	return problem.Wrap(ErrNoSpace, problem.Storage, "error.space",
		"free", int(free/megabyte), "limit", int((limit+limit/spaceSlack+megabyte-1)/megabyte))
}

// roomToGrow refuses what makes the file grow and can wait, while the disk is
// nearly full.
func (db *DB) roomToGrow() error {
	if short := db.space.short.Load(); short != nil {
		return short
	}
	return nil
}

// RoomFor says whether a file of so many bytes fits on the disk beside the data
// file and leaves room to go on. A disk that cannot be asked has room.
func (db *DB) RoomFor(bytes int64) bool {
	free, total, err := db.space.look()
	if err != nil || total == 0 {
		return true
	}
	limit := min(total/spaceShare, spaceLeast)
	return free >= limit+limit/spaceSlack+uint64(max(bytes, 0))
}
