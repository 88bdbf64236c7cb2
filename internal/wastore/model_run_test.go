package wastore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"pgregory.net/rapid"
)

// run is one random history on three devices.
type run struct {
	gen
	e       *env
	m       *model
	jids    []types.JID
	devices []*wmstore.Device
}

func (r *run) one(ctx context.Context, i int) {
	o := rapid.SampledFrom(ops).Draw(r.T, "op")(r.gen)
	got := o.real(ctx, r.devices[i])
	if want := o.want(dev{r.m, r.name(i)}); got != want {
		r.Fatalf("%s on device %d = %.60q, want %.60q", o.name, i, got, want)
	}
}

func (r *run) name(i int) string { return fmt.Sprint(r.jids[i]) }

func (r *run) txn(i int) {
	before := r.m.clone()
	end := r.pick([]string{"commit", "error", "panic", "cancel", "finish in nested"}, "end")
	fails := errors.New("fails")
	txnCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	func() {
		defer func() {
			if p := recover(); p != nil && p != any("panic of fn") {
				panic(p) // rapid's own
			}
		}()
		err = r.devices[i].EventBuffer.DoDecryptionTxn(txnCtx, func(tx context.Context) error {
			for range r.number(6, "steps") {
				r.one(tx, i)
			}
			switch end {
			case "error":
				return fails
			case "panic":
				panic("panic of fn")
			case "cancel":
				cancel()
			case "finish in nested":
				return r.devices[i].EventBuffer.DoDecryptionTxn(tx, func(tx context.Context) error {
					r.one(tx, i)
					return nil
				})
			}
			return nil
		})
	}()
	switch end {
	case "error":
		r.e.is(err, fails)
	case "cancel":
		r.e.is(err, context.Canceled)
	default:
		r.e.ok(err)
		if end != "panic" {
			return
		}
	}
	r.m = before
}

func (r *run) reopen() {
	r.e.reopen()
	clear(r.m.migrated)
	for i, jid := range r.jids {
		if d, err := r.e.c.Device(ctx, jid); err == nil {
			r.devices[i] = d
		} else {
			// A Device of before would use the closed file.
			r.replace(i)
		}
	}
}

// replace pairs the phone again: a new device number, nothing of the old one.
func (r *run) replace(i int) {
	r.jids[i].Device++
	r.devices[i] = r.e.pair(r.jids[i])
}

func (r *run) erase(i int) {
	r.e.ok(r.e.c.Erase(ctx, r.jids[i]))
	r.m.gone[r.name(i)] = true
	for key := range r.m.rows {
		if strings.HasPrefix(key, r.name(i)+"|") {
			delete(r.m.rows, key)
		}
	}
}

func TestRandomHistoriesMatchTheModel(t *testing.T) {
	t.Parallel()
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		e := openEnv(rt, filepath.Join(dir, fmt.Sprint(n)))
		defer func() { _ = e.db.Close() }()
		r := &run{gen: gen{rt}, e: e, m: &model{map[string]string{}, map[string]string{}, map[string]string{}, map[string]bool{}, map[string]bool{}, e.clock.now()}}
		for _, user := range []string{"777", "7771", "77"} {
			r.jids = append(r.jids, ourJID(user, 1))
			r.devices = append(r.devices, e.pair(ourJID(user, 1)))
		}
		for range rapid.IntRange(1, 60).Draw(rt, "length") {
			i := r.number(2, "device")
			switch r.number(40, "step") {
			case 0:
				r.reopen()
			case 1:
				r.erase(i)
			case 2:
				r.replace(i)
			case 3:
				e.clock.advance(13 * time.Hour)
				r.m.now = e.clock.now()
			case 4:
				_, err := e.c.Sweep(ctx, 1+r.number(5, "keys"))
				e.ok(err)
			case 5, 6, 7, 8, 9, 10, 11, 12:
				r.txn(i)
			default:
				r.one(ctx, i)
			}
		}
		e.ok(e.c.Close())
	})
}
