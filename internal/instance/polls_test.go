package instance_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

// Programs poll for a QR code that cannot come: of an instance whose network is
// down, of one that is connected, of one that does not exist. Ten thousand times
// leave nothing behind. Not parallel: it looks at the whole process.
func TestFailingPollsLeaveNothing(t *testing.T) {
	const polls, slack = 10_000, 2 << 20
	ctx := context.Background()
	h := instancetest.New(t, instancetest.Options{})
	linked, idle := h.Create("linked"), h.Create("idle")
	h.Pair(linked.ID, h.Network.NewPhone("5511987650001", "Shop Front"))
	connections := h.Network.Connections()
	h.Network.SetFaults(wasim.Faults{Down: true})
	poll := func(n int) {
		for range n {
			_, down := h.Manager.Connect(ctx, idle.ID)
			_, up := h.Manager.Connect(ctx, linked.ID)
			_, none := h.Manager.Connect(ctx, "nobody")
			if down != nil || !errors.Is(up, instance.ErrConnected) || !errors.Is(none, instance.ErrNotFound) {
				t.Fatalf("polls answer %v, %v, %v", down, up, none)
			}
			for _, id := range []string{idle.ID, linked.ID, "nobody"} {
				if _, ok := h.Manager.Pairing(id); ok {
					t.Fatal("a code came from nowhere")
				}
			}
		}
		if err := h.Manager.CancelPairing(ctx, idle.ID); err != nil {
			t.Fatal(err)
		}
		h.Manager.Settle(idle.ID, patience)
	}
	poll(polls / 10)
	heap, goroutines := cost()
	poll(polls)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) { // for what the last dials began
		_, now := cost()
		if now <= goroutines+2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", now, goroutines)
		}
	}
	if after, _ := cost(); after > heap+slack {
		t.Errorf("%d bytes more than before", after-heap)
	}
	if n := h.Network.Connections() - connections; n != 0 || h.Get(linked.ID).Status.Phase != instance.PhaseConnected {
		t.Errorf("the connected one was touched: %d new connections, %+v", n, h.Get(linked.ID).Status)
	}
	h.Network.SetFaults(wasim.Faults{})
	h.Code(idle.ID)
}
