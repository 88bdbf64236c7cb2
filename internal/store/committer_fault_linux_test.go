package store_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
)

// failing is a data file whose writes can be made to fail.
type failing struct {
	*rig
	t    testing.TB
	path string
	file *storetest.FaultyFile

	written atomic.Int64 // writes since the file was opened
	from    atomic.Int64 // the first one that fails; 0 for none
	until   atomic.Int64 // the last one that fails
	fault   error
	torn    bool // a failing write leaves half of its bytes
}

// openFailing opens one that does not sync, for speed.
func openFailing(t testing.TB, fault error, torn bool) *failing {
	t.Helper()
	return openFailingWith(t, fault, torn, store.Options{NoSync: true})
}

func openFailingWith(t testing.TB, fault error, torn bool, opts store.Options) *failing {
	t.Helper()
	f := &failing{t: t, path: filepath.Join(t.TempDir(), "pombal.db"), fault: fault, torn: torn}
	r, err := openRig(f.path, opts)
	if err != nil {
		t.Fatal(err)
	}
	f.rig = r
	f.file, err = storetest.NewFaultyFile(r.db, func(b []byte, off int64, next func([]byte, int64) (int, error)) (int, error) {
		n := f.written.Add(1)
		if from := f.from.Load(); from == 0 || n < from || n > f.until.Load() {
			return next(b, off)
		}
		// A meta page is smaller than a sector: it is written or not.
		if f.torn && off >= int64(2*len(b)) {
			_, _ = next(b[:len(b)/2], off)
		}
		return 0, f.fault
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// breakFrom makes n writes fail, after some more that work.
func (f *failing) breakFrom(after, n int64) {
	first := f.written.Load() + after
	f.until.Store(first + n - 1)
	f.from.Store(first)
}

// awaitReady waits until the file is found to be well, by nobody's doing.
func (f *failing) awaitReady() {
	f.t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for f.db.Ready() != nil {
		if time.Now().After(deadline) {
			f.t.Fatalf("still not ready: %v", f.db.Ready())
		}
		<-tick.C
	}
}

func (f *failing) heal() { f.from.Store(0) }

// reopen closes the file, which heals it, and opens it as it is on disk.
func (f *failing) reopen() *rig {
	f.t.Helper()
	f.heal()
	if err := errors.Join(f.rig.close(), f.file.Close()); err != nil {
		f.t.Fatal(err)
	}
	r, err := openRig(f.path, store.Options{NoSync: true})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if err := errors.Join(r.db.Check(context.Background()), r.close()); err != nil {
			f.t.Error(err)
		}
	})
	return r
}

// story is a list of calls, each of which must fail when it changed nothing and
// must have changed what it says when it did not fail.
func story(d *driver) []func(context.Context) (check func(*rig) bool, err error) {
	return []func(context.Context) (func(*rig) bool, error){
		func(ctx context.Context) (func(*rig) bool, error) {
			list, err := d.db.AppendEvents(ctx, message(d.name, "one"), event.Draft{
				InstanceID: d.name, Type: event.ContactsSet, At: start, Data: string(bytes.Repeat([]byte("x"), 20000)),
			})
			return func(r *rig) bool {
				have, err := r.db.Events(context.Background(), d.name, 0, 10)
				return err == nil && len(have) == 2 && len(list) == 2
			}, err
		},
		func(ctx context.Context) (func(*rig) bool, error) {
			return func(r *rig) bool {
				in, err := r.db.Instance(context.Background(), d.name)
				return err == nil && in.Name == "changed"
			}, rename(ctx, d.db, d.name, "changed")
		},
		func(ctx context.Context) (func(*rig) bool, error) {
			return func(r *rig) bool { return sessionOf(r, d, "1:0") == "out" }, d.device.Sessions.PutSession(ctx, "1:0", []byte("out"))
		},
		func(ctx context.Context) (func(*rig) bool, error) {
			_, err := d.device.PreKeys.GetOrGenPreKeys(ctx, 60)
			return func(*rig) bool { return true }, err
		},
		func(ctx context.Context) (func(*rig) bool, error) {
			d.step++ // another ciphertext
			err := d.receive(ctx, "2:0", bytes.Repeat([]byte("in"), 3000))
			if err == nil {
				err = d.db.Flush(ctx) // what the handler's own write does
			}
			return func(r *rig) bool { return len(sessionOf(r, d, "2:0")) == 6000 }, err
		},
		func(ctx context.Context) (func(*rig) bool, error) {
			return func(r *rig) bool {
				n, err := r.db.Waiting(context.Background(), d.name+"-hook")
				return err == nil && n == 1
			}, d.settle(ctx)
		},
	}
}

func rename(ctx context.Context, db *store.DB, id, name string) error {
	_, _, err := db.UpdateInstance(ctx, id, func(in *instance.Instance) ([]event.Draft, error) {
		in.Name = name
		return nil, nil
	})
	return err
}

func sessionOf(r *rig, d *driver, address string) string {
	device, err := r.keys.Device(context.Background(), *d.device.ID)
	if err != nil {
		return err.Error()
	}
	session, err := device.Sessions.GetSession(context.Background(), address)
	if err != nil {
		return err.Error()
	}
	return string(session)
}

// TestEveryWriteFailsOnce makes the Nth write to the file fail, for each N of
// a story. Its caller is told, nobody else; the next attempt works.
func TestEveryWriteFailsOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{"disk full": syscall.ENOSPC, "bad disk": syscall.EIO} {
		for _, torn := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				n := int64(0)
				for reached := true; reached; {
					n++
					// On a clock of its own, what lingers in the queue goes to
					// the disk with the call that waits for it, however slow
					// the machine: by itself it would fail and tell nobody.
					synctest.Test(t, func(t *testing.T) { reached = failOnce(t, n, fault, torn) })
				}
				t.Logf("%d writes failed, torn %t", n-1, torn)
				if n < 20 {
					t.Error("the story hardly writes")
				}
			})
		}
	}
}

// failOnce runs the story with the nth write failing; false when the story has
// fewer writes.
func failOnce(t *testing.T, n int64, fault error, torn bool) bool {
	t.Helper()
	f := openFailing(t, fault, torn)
	d := newDriver(t, f.rig, "fault", 1)
	f.breakFrom(n, 1)
	failures := 0
	var checks []func(*rig) bool
	for i, call := range story(d) {
		check, err := call(t.Context())
		if err != nil {
			failures++
			if !errors.Is(err, store.ErrUnwritable) || !errors.Is(err, fault) {
				t.Errorf("write %d: call %d: %v", n, i, err)
			}
			// The next attempt of anybody who waits finds that all is well.
			if err := f.db.Flush(t.Context()); err != nil {
				t.Errorf("write %d: flush: %v", n, err)
			}
			if check, err = call(t.Context()); err != nil {
				t.Fatalf("write %d: call %d again: %v", n, i, err)
			}
		}
		if !check(f.rig) {
			t.Errorf("write %d: call %d said yes and did nothing", n, i)
		}
		checks = append(checks, check)
	}
	reached := f.written.Load() >= f.from.Load()
	if reached != (failures == 1) {
		t.Errorf("write %d: %d calls failed, fault met: %t", n, failures, reached)
	}
	if err := f.db.Ready(); err != nil {
		t.Errorf("write %d: ready: %v", n, err)
	}
	r := f.reopen()
	for i, check := range checks {
		// The last call settles what an earlier check counted.
		if !check(r) {
			t.Errorf("write %d: call %d is lost", n, i)
		}
	}
	return reached
}

// TestFullDiskAndBack fills the disk for a while: nothing is acknowledged,
// reading goes on, and afterwards all goes on by itself.
func TestFullDiskAndBack(t *testing.T) {
	t.Parallel()
	f := openFailing(t, syscall.ENOSPC, false)
	d := newDriver(t, f.rig, "full", 1)
	accepted := d.receive(t.Context(), "1:0", []byte("kept")) // queued while the disk was well
	f.breakFrom(1, 1<<40)
	if accepted != nil {
		t.Fatal(accepted)
	}
	if _, err := f.db.AppendEvents(t.Context(), message("full", "m")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("append: got %v", err)
	}
	if err := f.db.Ready(); !errors.Is(err, store.ErrUnwritable) {
		t.Errorf("ready: got %v", err)
	}
	d.step++ // another ciphertext
	err := d.receive(t.Context(), "2:0", []byte("refused"))
	if !errors.Is(err, context.Canceled) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("decryption: got %v, which the engine would acknowledge", err)
	}
	wantEqual(t, "session that was accepted", sessionOf(f.rig, d, "1:0"), "kept")
	wantEqual(t, "session that was refused", sessionOf(f.rig, d, "2:0"), "")
	if _, err := f.db.Instances(t.Context()); err != nil {
		t.Errorf("reading: %v", err)
	}
	f.heal()
	f.awaitReady()
	if err := d.receive(t.Context(), "2:0", []byte("taken")); err != nil {
		t.Error(err)
	}
	r := f.reopen()
	wantEqual(t, "session that was accepted", sessionOf(r, d, "1:0"), "kept")
	wantEqual(t, "session after the healing", sessionOf(r, d, "2:0"), "taken")
}

// TestDiskGrowsFullAndIsFreed runs the sequence of the crash tests while the
// disk is full now and then. What was refused is tried again, as the network
// does, and the end is that of a disk that never was full.
func TestDiskGrowsFullAndIsFreed(t *testing.T) {
	t.Parallel()
	model, err := openRig(filepath.Join(t.TempDir(), "model.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	sound := newDriver(t, model, "disk", 5)
	f := openFailing(t, syscall.ENOSPC, true)
	d := newDriver(t, f.rig, "disk", 5)
	refused := 0
	for i := range 300 {
		if _, err := sound.next(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			f.breakFrom(int64(1+i%7), 3)
		}
		before, err := d.source.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		step := d.step
		for {
			_, err := d.next(t.Context())
			if err == nil {
				break
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			refused++
			d.step = step
			if err := d.source.UnmarshalBinary(before); err != nil {
				t.Fatal(err)
			}
			f.heal()
			_ = f.db.Flush(t.Context())
		}
	}
	t.Logf("%d calls were refused", refused)
	if refused == 0 {
		t.Error("the disk was never full")
	}
	wantEqual(t, "state", d.dump(t), sound.dump(t))
	r := f.reopen()
	wantEqual(t, "state after reopening", dumpOf(t, r, "disk", numberOf(t, r, "disk")), sound.dump(t))
	if err := model.close(); err != nil {
		t.Error(err)
	}
}

// TestSyncFails makes the system refuse to sync: the caller is told, the
// process lives, and the file is whole whether or not the commit got through.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	f := openFailingWith(t, syscall.EIO, false, store.Options{})
	d := newDriver(t, f.rig, "sync", 1)
	if err := f.file.FailSync(true); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := f.db.AppendEvents(t.Context(), message("sync", "m")); !errors.Is(err, store.ErrUnwritable) {
			t.Errorf("append: got %v", err)
		}
	}
	if err := f.file.FailSync(false); err != nil {
		t.Fatal(err)
	}
	f.awaitReady()
	for range 40 {
		if _, err := d.next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r := f.reopen()
	wantEqual(t, "state", dumpOf(t, r, "sync", numberOf(t, r, "sync")) != "", true)
}

// TestCloseOfAFailingFile ends, and says what was lost.
func TestCloseOfAFailingFile(t *testing.T) {
	t.Parallel()
	f := openFailing(t, syscall.ENOSPC, false)
	d := newDriver(t, f.rig, "close", 1)
	f.breakFrom(1, 1<<40)
	// The file is not known to be broken yet, so this is accepted.
	if err := d.receive(t.Context(), "1:0", []byte("x")); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := f.db.AppendEvents(context.Background(), message("close", "m")); err == nil {
				t.Error("append to a full disk: no error")
			}
		})
	}
	watchdog(t, time.Minute, func() {
		wg.Wait()
		if err := f.db.Close(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("close: got %v", err)
		}
	})
	if err := errors.Join(f.keys.Close(), f.file.Close()); err != nil {
		t.Error(err)
	}
}

// TestNoWriteIsNoProof: a call that finds nothing to change goes nowhere near
// the disk, so it must not end an outage; the first real write does, once.
func TestNoWriteIsNoProof(t *testing.T) {
	t.Parallel()
	f := openFailing(t, syscall.ENOSPC, false)
	newDriver(t, f.rig, "proof", 1)
	var healed atomic.Int64
	f.db.OnHealed(func() { healed.Add(1) })
	f.breakFrom(1, 1<<40)
	if _, err := f.db.AppendEvents(t.Context(), message("proof", "m")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("append: got %v", err)
	}
	for range 3 {
		if err := f.db.DeleteTimeline(t.Context(), "nobody"); err != nil {
			t.Errorf("a call with nothing to write: %v", err)
		}
		if err := f.db.Ready(); !errors.Is(err, store.ErrUnwritable) {
			t.Errorf("ready after a call that wrote nothing: %v", err)
		}
	}
	wantEqual(t, "healed during the outage", healed.Load(), 0)
	f.heal()
	f.awaitReady()
	if _, err := f.db.AppendEvents(t.Context(), message("proof", "m")); err != nil {
		t.Error(err)
	}
	wantEqual(t, "healed", healed.Load(), 1)
	f.reopen()
}
