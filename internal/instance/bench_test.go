package instance_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
)

// BenchmarkHundreds pairs some hundred instances on the wire, restarts the
// product and prints what they cost: the stand-in network lives in the same
// process, so bytes and goroutines are both sides' together, less what the
// phones alone take.
func BenchmarkHundreds(b *testing.B) {
	const n = 300
	h := instancetest.New(b, instancetest.Options{})
	ids := make([]string, n)
	for i := range ids {
		ids[i] = h.Create(fmt.Sprint("shop ", i)).ID
	}
	var all sync.WaitGroup
	gate := make(chan struct{}, 8)
	start := time.Now()
	for i, id := range ids {
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			h.Pair(id, h.Network.NewPhone(fmt.Sprintf("55119%08d", i), "Shop"))
		})
	}
	all.Wait()
	b.Logf("%d instances linked in %s", n, time.Since(start).Round(time.Millisecond))
	for b.Loop() {
		h.Stop()
		idleHeap, idleGoroutines := cost()
		start := time.Now()
		h.Start()
		h.Until("all connected", func() bool {
			list, err := h.Manager.List(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			for _, in := range list {
				if in.Status.Phase != instance.PhaseConnected {
					return false
				}
			}
			return true
		})
		took := time.Since(start)
		heap, goroutines := cost()
		b.Logf("connected in %s; %d bytes and %.1f goroutines for each, with the network's side; process %d MiB",
			took.Round(time.Millisecond), (heap-idleHeap)/n, float64(goroutines-idleGoroutines)/n, resident()>>20)
		start = time.Now()
		h.Manager.Close()
		b.Logf("closed in %s", time.Since(start).Round(time.Millisecond))
	}
}

func cost() (heap, goroutines int) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse), runtime.NumGoroutine()
}

// resident is the process's memory, where the system tells; 0 elsewhere.
func resident() int {
	raw, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(raw))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}
