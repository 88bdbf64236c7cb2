package maintain

import (
	"context"
	"time"

	"pombal/internal/auth"
	"pombal/internal/store"
	"pombal/internal/upkeep"
	"pombal/internal/wastore"
)

// How often expired rows and the keys of deleted devices are swept, and how
// many keys go in one transaction, so that nobody waits long.
const (
	sweepEvery = time.Hour
	sweepKeys  = 2000
)

// Sweep deletes what has expired, now, every hour and when the policy changes,
// until ctx ends.
func (s *Service) Sweep(ctx context.Context, keys *wastore.Container) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := sweep(ctx, keys, s.db); err != nil && ctx.Err() == nil {
			s.log.Error("sweep what has expired", "error", err)
		}
		select {
		case <-tick.C:
		case <-s.sweep:
		case <-ctx.Done():
			return
		}
	}
}

func sweep(ctx context.Context, keys *wastore.Container, db *store.DB) error {
	policy, err := db.Policy(ctx)
	if err != nil {
		return err
	}
	keys.KeepSecrets(policy.Months(upkeep.Secrets))
	for {
		left, err := keys.Sweep(ctx, sweepKeys)
		if err != nil {
			return err
		}
		if !left {
			break
		}
	}
	if err := db.DeleteSessionsBefore(ctx, time.Now().Add(-auth.KeepAbsoluteLimit)); err != nil {
		return err
	}
	return db.Sweep(ctx, store.RetentionOf(policy))
}
