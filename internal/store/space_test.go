package store_test

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/store"
	"pombal/internal/webhook"
)

// TestNearlyFullDisk: what can wait is refused with the limit in words, what
// keeps the house running is written, and it goes on by itself.
func TestNearlyFullDisk(t *testing.T) {
	t.Parallel()
	for name, disk := range map[string]struct{ total, low, room, limit uint64 }{
		"large": {1 << 40, 200<<20 - 1, 250 << 20, 250},
		"small": {1 << 30, 50 << 20, 64 << 20, 64}, // a 20th and a quarter of that
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var free atomic.Uint64
			free.Store(disk.total / 2)
			db, err := store.Open(filepath.Join(t.TempDir(), "pombal.db"), store.Options{
				NoSync: true,
				Space:  func(string) (uint64, uint64, error) { return free.Load(), disk.total, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			}()
			var healed atomic.Int64
			db.OnHealed(func() { healed.Add(1) })
			newInstance(t, db, "a")
			newWebhook(t, db, "a", "h")
			record(t, db, message("a", "before"))

			free.Store(disk.low)
			store.LookAtDisk(db)
			for what, err := range map[string]error{
				"ready":    db.Ready(),
				"event":    errOf(db.AppendEvents(t.Context(), message("a", "now"))),
				"instance": errOf(db.CreateInstance(t.Context(), instance.Instance{ID: "b", Name: "b"})),
				"webhook":  db.CreateWebhook(t.Context(), webhook.Webhook{ID: "h2", InstanceID: "a"}),
				"key":      db.CreateAPIKey(t.Context(), auth.APIKey{ID: "k", InstanceID: "a"}),
				"replay":   errOf(db.ReplayEvents(t.Context(), webhook.Webhook{ID: "h", InstanceID: "a"}, []uint64{1})),
				"business": db.CreateBusiness(t.Context(), instance.Business{ID: "c"}),
				"caught":   db.AppendCaught(t.Context(), "a", webhook.Caught{}),
			} {
				p := problem.As(err)
				if !errors.Is(err, store.ErrNoSpace) || p.Kind != problem.Storage || p.Text.Key != "error.space" ||
					p.Text.Args[3] != int(disk.limit) {
					t.Errorf("%s: %v", what, err)
				}
			}
			// The state of instances, what waits and what removes things go on.
			if err := rename(t.Context(), db, "a", "other"); err != nil {
				t.Errorf("state of an instance: %v", err)
			}
			settleNext(t, db, "h")
			sweep(t, db)
			if n, _ := count(t, db, "a", "h"); n != 1 {
				t.Errorf("%d events, want the one from before", n)
			}

			free.Store(disk.room - 1<<20) // above the limit, but not by enough
			store.LookAtDisk(db)
			if db.Ready() == nil || healed.Load() != 0 {
				t.Errorf("ready as soon as the limit is passed; healed %d times", healed.Load())
			}
			free.Store(disk.room)
			store.LookAtDisk(db)
			if err := db.Ready(); err != nil || healed.Load() != 1 {
				t.Errorf("with room again: %v, healed %d times", err, healed.Load())
			}
			record(t, db, message("a", "now"))
		})
	}
}

func errOf[T any](_ T, err error) error { return err }

// TestDiskThatCannotBeAsked is used like one with room.
func TestDiskThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	db, err := store.Open(filepath.Join(t.TempDir(), "pombal.db"), store.Options{
		NoSync: true, Space: func(string) (uint64, uint64, error) { return 0, 0, syscall.EACCES },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Ready(), db.Close()); err != nil {
		t.Error(err)
	}
}

// TestSpaceOfARealDisk asks the system.
func TestSpaceOfARealDisk(t *testing.T) {
	t.Parallel()
	free, total, err := store.DiskSpace(t.TempDir())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system is not asked")
	}
	if err != nil || total == 0 || free > total {
		t.Errorf("%d of %d bytes are free, %v", free, total, err)
	}
}
