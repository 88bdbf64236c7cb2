package wastore_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/wastore"
)

// fault is a way in which all calls of a device go wrong.
type fault struct {
	strike func(e *env, d *wmstore.Device)
	// total says that no call can answer.
	total bool
	// ctx is what the calls get.
	ctx func() (context.Context, context.CancelFunc)
	// least is how many of the calls must fail. A store that commits in the
	// background may accept others that cannot succeed.
	least int
}

func usual() (context.Context, context.CancelFunc) { return ctx, func() {} }

func faults() map[string]fault {
	return map[string]fault{
		"container closed": {total: true, ctx: usual, strike: func(e *env, _ *wmstore.Device) { e.ok(e.c.Close()) }},
		"file closed":      {ctx: usual, least: 50, strike: func(e *env, _ *wmstore.Device) { e.ok(e.db.Close()) }},
		"device erased":    {ctx: usual, least: 20, strike: func(e *env, d *wmstore.Device) { e.ok(e.c.Erase(ctx, *d.ID)) }},
		"context cancelled": {total: true, strike: func(*env, *wmstore.Device) {}, ctx: func() (context.Context, context.CancelFunc) {
			over, cancel := context.WithCancel(ctx)
			cancel()
			return over, cancel
		}},
		"deadline passed": {total: true, strike: func(*env, *wmstore.Device) {}, ctx: func() (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Unix(1, 0))
		}},
		"rows damaged": {ctx: usual, least: 30, strike: damageRows},
		"buckets missing": {ctx: usual, least: 1, strike: func(e *env, _ *wmstore.Device) {
			dropBuckets(e, func(name string) bool { return name != "wa.dev" && name != "wa.gone" })
		}},
		// Nothing is prepared for this one: it panics, inside.
		"device bucket missing": {ctx: usual, least: 20, strike: func(e *env, _ *wmstore.Device) {
			dropBuckets(e, func(name string) bool { return name == "wa.dev" })
		}},
	}
}

// damageRows makes every row of the device unreadable, but not the device's.
func damageRows(e *env, _ *wmstore.Device) {
	e.ok(e.db.Update(ctx, func(tx *bbolt.Tx) error {
		return eachBucket(tx, func(name string, b *bbolt.Bucket) error { return damage(b, name == "wa.dev") })
	}))
}

func eachBucket(tx *bbolt.Tx, visit func(name string, b *bbolt.Bucket) error) error {
	return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		if !slices.Contains([]string{"wa.lid", "wa.gone"}, string(name)) && len(name) > 3 && string(name[:3]) == "wa." {
			return visit(string(name), b)
		}
		return nil
	})
}

func damage(b *bbolt.Bucket, sideOnly bool) error {
	var keys [][]byte
	c := b.Cursor()
	for key, value := c.First(); key != nil; key, value = c.Next() {
		if value == nil {
			if err := damage(b.Bucket(key), false); err != nil {
				return err
			}
			continue
		}
		if !sideOnly || key[0] == 0 {
			keys = append(keys, slices.Clone(key))
		}
	}
	for _, key := range keys {
		if err := b.Put(key, []byte{1, 200, 1}); err != nil {
			return err
		}
	}
	return nil
}

func dropBuckets(e *env, which func(string) bool) {
	e.ok(e.db.Update(ctx, func(tx *bbolt.Tx) error {
		var names []string
		err := eachBucket(tx, func(name string, _ *bbolt.Bucket) error {
			if which(name) {
				names = append(names, name)
			}
			return nil
		})
		for _, name := range names {
			err = errors.Join(err, tx.DeleteBucket([]byte(name)))
		}
		return err
	}))
}

// Every call of the engine, under every fault: what is not the caller's own
// mistake reads as a cancelled context, so that no message is acknowledged and
// lost; nothing panics; a total fault gets no made-up answer.
func TestFaultsReadAsCancelled(t *testing.T) {
	t.Parallel()
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := openFaulty(t)
			d := e.pair(ourJID("100", 1))
			fillByCalls(e, d)
			f.strike(e, d)
			failed := map[string]bool{}
			g := newGenerator(5)
			for _, call := range g.names {
				for range 20 {
					s := step{Call: call}
					calls[call].gen(g, &s)
					if s.Call == "PutManyLIDMappings" && len(s.List) > 0 {
						s.List = []entry{{A: "L1@lid", B: "7771@s.whatsapp.net"}}
					}
					over, cancel := f.ctx()
					_, err := calls[call].run(over, partyOf(d), &s)
					cancel()
					o := outcome{step: &s, class: classOf(err), err: err}
					if err := honest(o); err != nil {
						t.Error(err)
					}
					failed[call] = failed[call] || err != nil && o.class != "missing" && o.class != "constraint"
					if f.total && err == nil && !isEmptyCall(&s) && !answersAlways(&s) {
						t.Errorf("%s: an answer: %s", call, encodeHistory([]step{s}))
					}
				}
			}
			count := 0
			for _, is := range failed {
				if is {
					count++
				}
			}
			if t.Logf("%d of %d calls fail", count, len(g.names)); count < f.least {
				t.Errorf("too few")
			}
			decryptUnderFault(t, f, d)
		})
	}
}

// answersAlways are calls that need nothing.
func answersAlways(s *step) bool {
	if s.Call == "GetManyLIDsForPNs" {
		return !slices.ContainsFunc(s.List, func(e entry) bool { return jidOf(e.A).Server == types.DefaultUserServer })
	}
	return s.Call == "DeleteOldBufferedHashes" || s.Call == "DeleteOldOutgoingEvents" || s.Call == "DeleteAppStateMutationMACs"
}

// openFaulty is newEnv without the check at the end.
func openFaulty(t *testing.T) *env {
	e := openEnv(t, t.TempDir()+"/pombal.db")
	t.Cleanup(func() { _ = e.db.Close() })
	return e
}

// fillByCalls stores rows of all kinds.
func fillByCalls(e *env, d *wmstore.Device) {
	g, p := newGenerator(3), partyOf(d)
	e.ok(p.PutAppStateVersion(ctx, "regular", 1, [128]byte{1}))
	for _, call := range g.names {
		if call == "DeleteAllSessions" || call == "DeleteAllIdentities" {
			continue
		}
		for range 30 {
			s := step{Call: call}
			calls[call].gen(g, &s)
			_, _ = calls[call].run(ctx, p, &s)
		}
	}
}

// decryptUnderFault: what fn returns comes out as it is, by ==; what goes
// wrong around it reads as cancelled.
func decryptUnderFault(t *testing.T, f fault, d *wmstore.Device) {
	t.Helper()
	over, cancel := f.ctx()
	defer cancel()
	ran := false
	err := d.EventBuffer.DoDecryptionTxn(over, func(ctx context.Context) error {
		ran = true
		_ = d.Sessions.PutSession(ctx, "7:0", []byte("s"))
		return errOfFn
	})
	switch {
	case ran && err != errOfFn:
		t.Errorf("fn's own error came out as %v", err)
	case !ran && !errors.Is(err, context.Canceled):
		t.Errorf("DoDecryptionTxn: %v", err)
	}
	ran = false
	var inner error
	err = d.EventBuffer.DoDecryptionTxn(over, func(ctx context.Context) error {
		ran = true
		inner = d.Sessions.PutSession(ctx, "7:0", []byte("s"))
		return inner
	})
	if ran && inner != nil && err != inner {
		t.Errorf("a store's error came out as %v, not %v", err, inner)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("DoDecryptionTxn: %v does not read as cancelled", err)
	}
	if f.total && (ran || err == nil) {
		t.Errorf("DoDecryptionTxn: ran %v, error %v", ran, err)
	}
}

// A device that is deleted while its message is being decrypted: the message
// must stay with the server, and nothing comes back to life.
func TestFaultDeletedWhileDecrypting(t *testing.T) {
	t.Parallel()
	g := newGenerator(9)
	for _, call := range g.names {
		e := openFaulty(t)
		d := e.pair(ourJID("100", 1))
		var own error
		err := d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
			s := step{Call: call}
			calls[call].gen(g, &s)
			_, _ = calls[call].run(ctx, partyOf(d), &s)
			own = d.Sessions.PutSession(ctx, "7:0", []byte("s"))
			e.ok(e.c.Erase(context.Background(), *d.ID))
			return own
		})
		if own != nil || !errors.Is(err, wastore.ErrDeviceGone) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, then %v", call, own, err)
		}
		for _, line := range must(e.c.Dump()) {
			t.Errorf("%s: left behind: %s", call, line)
		}
	}
}
