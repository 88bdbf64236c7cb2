package wastore

import (
	"context"
	"time"
)

// lock is a mutex whose wait ends with the context or after a limit. The limit
// turns a call that waits for itself, which would hang for ever, into an error.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) acquire(ctx context.Context, limit time.Duration) error {
	select {
	case l <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errBusy
	}
}

func (l lock) release() { <-l }
