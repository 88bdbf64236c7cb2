package live_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pombal/internal/leaktest"
	"pombal/internal/live"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// subscribe opens a subscription or fails the test.
func subscribe(t *testing.T, h *live.Hub) *live.Subscription {
	t.Helper()
	sub, err := h.Subscribe()
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	return sub
}

// waiting takes all signals that are there already.
func waiting(sub *live.Subscription) []string {
	var names []string
	for {
		select {
		case sig, ok := <-sub.C():
			if !ok {
				return append(names, "closed")
			}
			names = append(names, sig.Name)
		default:
			return names
		}
	}
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestSignalsReachEverySubscriberInOrder(t *testing.T) {
	t.Parallel()
	h := live.NewHub(live.Options{})
	defer h.Close()
	one, two := subscribe(t, h), subscribe(t, h)
	h.Publish("a", "b")
	late := subscribe(t, h)
	h.Publish("c")
	want(t, "one", waiting(one), "a", "b", "c")
	want(t, "two", waiting(two), "a", "b", "c")
	want(t, "late", waiting(late), "c")
}

func TestSignalsOfOneNameAreHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := live.NewHub(live.Options{})
		defer h.Close()
		sub := subscribe(t, h)
		var got []string
		// Every 7 ms for 980 ms, of one name, and one of another: never at the
		// very moment when a gap of 250 ms ends.
		for i := range 140 {
			h.Publish("busy")
			if i == 50 {
				h.Publish("other")
			}
			time.Sleep(7 * time.Millisecond)
			got = append(got, waiting(sub)...)
		}
		busy := 0
		for _, name := range got {
			if name == "busy" {
				busy++
			}
		}
		if busy != 4 || len(got) != 5 {
			t.Errorf("in a second: got %v", got)
		}
		// The last one is sent though nothing follows it.
		time.Sleep(time.Second)
		want(t, "trailing", waiting(sub), "busy")
		time.Sleep(time.Second)
		want(t, "afterwards", waiting(sub))
		h.Publish("busy")
		want(t, "after a pause", waiting(sub), "busy")
	})
}

func TestSlowSubscriberIsToldToFetchEverything(t *testing.T) {
	t.Parallel()
	h := live.NewHub(live.Options{})
	defer h.Close()
	slow, quick := subscribe(t, h), subscribe(t, h)
	for i := range 33 {
		h.Publish(fmt.Sprint("s", i))
		want(t, "quick", waiting(quick), fmt.Sprint("s", i))
	}
	h.Publish("next")
	want(t, "slow", waiting(slow), live.SignalResync, "next")
	want(t, "quick", waiting(quick), "next")
}

func TestComingBack(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		last uint64
		want []string
	}{
		{"nothing missed", 20, nil},
		{"some missed", 17, []string{"s18", "s19", "s20"}},
		{"more than the queue holds", 15, []string{live.SignalResync}},
		{"more than is kept", 11, []string{live.SignalResync}},
		{"from another life", 21, []string{live.SignalResync}},
		{"from the beginning", 0, []string{live.SignalResync}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := live.NewHub(live.Options{Ring: 8, Queue: 4})
			defer h.Close()
			for i := 1; i <= 20; i++ {
				h.Publish(fmt.Sprint("s", i))
			}
			sub, err := h.SubscribeFrom(tt.last)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "at first", waiting(sub), tt.want...)
			h.Publish("then")
			if sig := <-sub.C(); sig.Name != "then" || sig.ID != 21 {
				t.Errorf("then: got %+v", sig)
			}
		})
	}
}

// A page whose stream ended with the process comes back to the next one, which
// has sent more signals since than the page had heard of in all.
func TestComingBackInAnotherLife(t *testing.T) {
	t.Parallel()
	first := live.NewHub(live.Options{Last: 1000})
	defer first.Close()
	page := subscribe(t, first)
	first.Publish("a", "b")
	<-page.C()
	last := (<-page.C()).ID
	second := live.NewHub(live.Options{Last: 2000})
	defer second.Close()
	second.Publish("c", "d", "e")
	for _, id := range []uint64{last, 1000} {
		back, err := second.SubscribeFrom(id)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "with an id of the life before", waiting(back), live.SignalResync)
	}
	opened, err := second.SubscribeFrom(2000) // by a page that was asked for before the first signal
	if err != nil {
		t.Fatal(err)
	}
	want(t, "from the beginning of this life", waiting(opened), "c", "d", "e")
}

func TestResyncCarriesTheIDToGoOnFrom(t *testing.T) {
	t.Parallel()
	h := live.NewHub(live.Options{Ring: 2})
	defer h.Close()
	h.Publish("a", "b", "c")
	sub, err := h.SubscribeFrom(0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.SubscribeFrom((<-sub.C()).ID)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "after the resync", waiting(again))
}

func TestSubscribersAreLimited(t *testing.T) {
	t.Parallel()
	h := live.NewHub(live.Options{Max: 2})
	defer h.Close()
	one := subscribe(t, h)
	subscribe(t, h)
	if _, err := h.Subscribe(); !errors.Is(err, live.ErrFull) {
		t.Errorf("third: got %v, want %v", err, live.ErrFull)
	}
	if _, err := h.SubscribeFrom(0); !errors.Is(err, live.ErrFull) {
		t.Errorf("third by id: got %v, want %v", err, live.ErrFull)
	}
	one.Close()
	one.Close()
	if n := h.Len(); n != 1 {
		t.Errorf("open: got %d, want 1", n)
	}
	subscribe(t, h)
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	h := live.NewHub(live.Options{})
	sub := subscribe(t, h)
	h.Publish("a", "a") // a timer is under way
	h.Close()
	h.Close()
	want(t, "subscription", waiting(sub), "a", "closed")
	sub.Close()
	h.Publish("b")
	if _, err := h.Subscribe(); !errors.Is(err, live.ErrClosed) {
		t.Errorf("subscribe: got %v, want %v", err, live.ErrClosed)
	}
	if n := h.Len(); n != 0 {
		t.Errorf("open: got %d", n)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	h := live.NewHub(live.Options{Gap: time.Microsecond, Queue: 2, Ring: 4})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 500 {
				h.Publish(fmt.Sprint("s", i%7))
			}
		})
	}
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				sub, err := h.SubscribeFrom(uint64(i))
				if err != nil {
					t.Errorf("subscribe: %v", err)
					return
				}
				waiting(sub)
				sub.Close()
			}
		})
	}
	reader := subscribe(t, h)
	done := make(chan struct{})
	go func() {
		defer close(done)
		last := uint64(0)
		for sig := range reader.C() {
			if sig.ID <= last {
				t.Errorf("id %d after %d", sig.ID, last)
			}
			last = sig.ID
		}
	}()
	wg.Wait()
	h.Close()
	<-done
}
