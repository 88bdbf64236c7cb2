package wastore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

const (
	crowd = 50
	// crowdCalls is about how many calls each device of the crowd makes.
	crowdCalls = 150
	// stuckAfter is how long nothing may happen at all.
	stuckAfter = time.Minute
)

// crowdList makes up the calls of one device: any but those on the LID map,
// which would depend on the other devices, and pairs of its own.
func crowdList(dev int) []step {
	g := newGenerator(uint64(1000 + dev))
	var list []step
	for n := 0; n < crowdCalls; {
		s := g.call(0)
		if g.chance(4) {
			s = g.txn(0, 1)
		}
		if own := fmt.Sprintf("own%d-%d", dev, g.n(3)); g.chance(12) {
			s = step{Call: "PutLIDMapping", A: own + "@lid", B: own + "@s.whatsapp.net"}
		}
		n += s.count()
		list = append(list, onOneDevice(s))
	}
	return list
}

// onOneDevice leaves calls out that touch what devices share.
func onOneDevice(s step) step {
	s.Ops = slices.DeleteFunc(slices.Clone(s.Ops), func(op step) bool { return isShared(op.Call) })
	for i := range s.Ops {
		s.Ops[i] = onOneDevice(s.Ops[i])
	}
	if isShared(s.Call) && !strings.HasPrefix(s.A, "own") {
		s = step{Call: "GetNCTSalt"}
	}
	return s
}

// playAlone does a list on one device and shows the answers.
func (p *party) playAlone(ctx context.Context, list []step, made *atomic.Int64) (answers []string) {
	for i := range list {
		s := &list[i]
		var text string
		var err error
		if s.Call == "txn" {
			text, err = p.txnAlone(ctx, s, made)
		} else {
			made.Add(1)
			text, err = calls[s.Call].run(ctx, p, s)
		}
		answers = append(answers, fmt.Sprint(s.Call, " ", classOf(err), " ", text))
	}
	return answers
}

func (p *party) txnAlone(ctx context.Context, s *step, made *atomic.Int64) (text string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keys := maps.Clone(p.keys)
	defer func() {
		if r := recover(); r != nil {
			err = errPanicked
		}
		if err != nil {
			p.keys = keys
		}
	}()
	err = p.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		text = strings.Join(p.playAlone(ctx, s.Ops, made), "\n")
		switch s.End {
		case "error":
			return errOfFn
		case "cancel":
			cancel()
		case "panic":
			panic(errPanicked)
		}
		return nil
	})
	return text, err
}

// crowdEnv is a container with a crowd on it, like another's if given.
func crowdEnv(t *testing.T, like []*wmstore.Device) (*env, []*wmstore.Device) {
	e := openEnv(t, filepath.Join(t.TempDir(), "pombal.db"))
	t.Cleanup(e.close)
	var devices []*wmstore.Device
	for i := range crowd {
		if like == nil {
			devices = append(devices, e.pair(ourJID(fmt.Sprint(5000+i), 1)))
			continue
		}
		d := blank(like[i])
		e.ok(e.c.PutDevice(ctx, d))
		devices = append(devices, d)
	}
	for _, user := range []string{"777", "77", "axb"} {
		e.ok(devices[0].LIDs.PutLIDMapping(ctx, lidJID(user), pnJID("77"+user)))
	}
	return e, devices
}

func partyOf(d *wmstore.Device) *party {
	return &party{AllStores: struct {
		wmstore.AllSessionSpecificStores
		wmstore.LIDStore
	}{d.Identities.(wmstore.AllSessionSpecificStores), d.LIDs}, keys: map[uint32][32]byte{}}
}

// Many devices at once end as if each had been alone.
func TestParallelDevicesEqualTheirSequentialReplay(t *testing.T) {
	t.Parallel()
	e, devices := crowdEnv(t, nil)
	calm, copies := crowdEnv(t, devices)
	var made atomic.Int64
	answers := make([][]string, crowd)
	var wg sync.WaitGroup
	for i, d := range devices {
		wg.Go(func() { answers[i] = partyOf(d).playAlone(ctx, crowdList(i), &made) })
	}
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	disturb(e, over)
	watch(t, over, &made)
	for i, d := range copies {
		want := partyOf(d).playAlone(ctx, crowdList(i), &made)
		for j := range want {
			if answers[i][j] != want[j] {
				t.Fatalf("device %d, call %d: %q in parallel, %q alone", i, j, answers[i][j], want[j])
			}
		}
	}
	have, want := must(e.c.Dump()), must(calm.c.Dump())
	if !slices.Equal(have, want) {
		t.Fatalf("%d rows in parallel, %d alone, or others", len(have), len(want))
	}
	t.Logf("%d calls, %d rows", made.Load(), len(have))
}

// disturb uses what all devices share, until over.
func disturb(e *env, over <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-over:
			return
		default:
		}
		_, err := e.c.Sweep(ctx, 10)
		jids, err2 := e.c.Devices(ctx)
		d, err3 := e.c.Device(ctx, ourJID(fmt.Sprint(5000+n%crowd), 1))
		e.ok(errors.Join(err, err2, err3))
		equal(e, "devices", len(jids), crowd)
		twin, err := d.LIDs.GetLIDForPN(ctx, pnJID("77777"))
		e.ok(err)
		equal(e, "twin", twin, types.NewJID("777", types.HiddenUserServer))
		e.ok(d.Save(ctx))
	}
}

// watch waits for over. When no call ends for too long, it shows where all
// goroutines stand.
func watch(t *testing.T, over <-chan struct{}, made *atomic.Int64) {
	t.Helper()
	tick := time.NewTicker(stuckAfter)
	defer tick.Stop()
	for last := int64(-1); ; {
		select {
		case <-over:
			return
		case <-tick.C:
			now := made.Load()
			if now == last {
				var all bytes.Buffer
				_ = pprof.Lookup("goroutine").WriteTo(&all, 2)
				t.Fatalf("stuck after %d calls\n%s", now, all.String())
			}
			last = now
		}
	}
}
