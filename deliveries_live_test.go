package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/chromedp"

	"pombal/internal/wasim"
)

// The log follows 50 events a second for a minute: the page keeps its size, the
// browser its memory, and a pause holds the rows still while it counts. The
// race detector watches the same for a shorter time.
func TestLiveTailInTheBrowser(t *testing.T) {
	warm, whole := 10*time.Second, 60*time.Second
	switch {
	case testing.Short():
		t.Skip("takes a minute")
	case raceEnabled:
		warm, whole = 4*time.Second, 14*time.Second
	}
	t.Parallel() // it mostly waits
	network := startNetwork(t)
	phone, nina := network.NewPhone("5511987650001", "Shop Front"), network.NewPhone("5521998880002", "Nina")
	g := startGateway(t, settings(t, t.TempDir(), network), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	if _, err := phone.Scan(context.Background(), o.code(id)); err != nil {
		t.Fatal(err)
	}
	o.untilPhase(id, "connected")
	b := startBrowser(t, g.Home)
	b.signIn()
	b.open("/events")
	b.see("#events-live")
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan int, 1)
	go func() { ended <- chatter(ctx, nina, phone) }()
	// A page that is still filling grows, and a slow machine fills it slowly.
	b.until(`document.querySelector('#events-older') !== null`)
	began := time.Now()
	var weights []weight
	for time.Since(began) < whole || len(weights) < 4 {
		time.Sleep(2 * time.Second)
		if time.Since(began) >= warm {
			weights = append(weights, b.weight())
		}
	}
	// The rows change while they are looked at, so each step is one with the page.
	firstRow := func() string {
		return eval[string](b, `document.querySelector('#events tbody tr:first-child th').textContent`)
	}
	top := firstRow()
	eval[bool](b, `document.querySelector('#events-pause').click(), true`)
	b.see("#events-resume")
	held := firstRow()
	b.until(`/\d+ new/.test(document.querySelector('#events-paused')?.textContent || '')`)
	if now := firstRow(); now != held {
		t.Errorf("the first row went from %q to %q during the pause", held, now)
	}
	stop()
	n := <-ended
	b.click("#events-resume")
	b.see("#events-live")
	if now := firstRow(); now == top {
		t.Errorf("the first row is still %q", now)
	}
	b.shot("events")
	eval[bool](b, `scrollTo(0, 500), true`) // whoever reads further down wants the rows to stay
	b.see("#events-resume")
	first, last := least(weights[:len(weights)/2]), least(weights[len(weights)/2:])
	t.Logf("%d messages in %s; after garbage collection the heap had %.1f MiB in the first half, %.1f MiB in the second; %d elements, then %d",
		n, whole, first.heap, last.heap, first.nodes, last.nodes)
	if last.nodes > first.nodes*3/2 || last.heap > first.heap*3/2+4 {
		t.Error("the page grows")
	}
	if n := eval[int](b, `document.querySelectorAll("#events tbody tr").length`); n > 200 {
		t.Errorf("the page holds %d rows", n)
	}
	b.quiet("429 (Too Many")
}

// chatter sends 50 messages a second, or as many as the machine can, until ctx
// ends, and says how many.
func chatter(ctx context.Context, from, to *wasim.Phone) (n int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; ; n++ {
		select {
		case <-tick.C:
			if _, err := from.SendText(ctx, to, fmt.Sprintf("message %d", n)); err != nil {
				return n
			}
		case <-ctx.Done():
			return n
		}
	}
}

// least gives the smallest heap and the smallest number of elements: what stays
// after everything that comes and goes.
func least(all []weight) weight {
	low := all[0]
	for _, w := range all[1:] {
		low.heap, low.nodes = min(low.heap, w.heap), min(low.nodes, w.nodes)
	}
	return low
}

// weight is what a page holds in memory.
type weight struct {
	heap  float64 // MiB
	nodes int
}

func (b *browser) weight() weight {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, heapprofiler.CollectGarbage, cdp.Empty{})
		return err
	}))
	text := eval[string](b,
		`(performance.memory ? performance.memory.usedJSHeapSize : 0) + ' ' + document.querySelectorAll('*').length`)
	var bytes, nodes int
	if _, err := fmt.Sscan(text, &bytes, &nodes); err != nil {
		b.fail(err)
	}
	return weight{heap: float64(bytes) / (1 << 20), nodes: nodes}
}
