package whatsapp

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// background holds the work of a session that must not hold up the library's
// handlers. It ends with the session.
type background struct {
	ctx  context.Context
	end  context.CancelFunc
	mu   sync.Mutex
	over bool
	wg   sync.WaitGroup
}

func newBackground() *background {
	ctx, end := context.WithCancel(context.Background())
	return &background{ctx: ctx, end: end}
}

// run starts fn unless the session has ended.
func (b *background) run(fn func(context.Context)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		b.wg.Go(func() { fn(b.ctx) })
	}
}

// stop ends the work and waits for it.
func (b *background) stop() {
	b.mu.Lock()
	b.over = true
	b.mu.Unlock()
	b.end()
	b.wg.Wait()
}

// guarded runs fn and survives its panics: what comes from the network must
// not end the process.
func (s *session) guarded(what string, fn func()) {
	defer func() {
		if p := recover(); p != nil {
			s.log().Error(what, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	fn()
}

// log is the log of this session.
func (s *session) log() *slog.Logger {
	return s.engine.cfg.Log.With("instance", s.params.InstanceID)
}

// setName remembers the account's own push name.
func (s *session) setName(name string) {
	if name != "" {
		s.name.Store(&name)
	}
}
