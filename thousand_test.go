package main

import (
	"os"
	"strconv"
	"testing"
	"time"

	"pombal/internal/service"
)

// What an instance may take: goroutines, and memory. 1000 of them have 200 MiB,
// of which what all share (the program, its pages of the data file) takes 50; the
// rest is theirs, and a sixth more is allowed for what is garbage at the moment of
// looking. Only the growth of what the program allocates counts here, with garbage
// collected as it is where many numbers are linked; BenchmarkThousand has the
// whole.
const (
	maxGoroutines = 6
	maxBytes      = (200 - 50) << 20 / 1000 * 7 / 6
)

// crowdPace is how many of them connect in a second: when all do at once, much
// more is garbage at the end.
const crowdPace = "100"

// Many linked instances in a process of their own: what each of them takes, and
// how fast the whole is gone. BenchmarkThousand measures a thousand.
func TestInstancesStayCheap(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's own memory would be measured")
	}
	n := 100
	if testing.Short() {
		n = 20
	}
	c := gather(t, n)
	t.Setenv("GOGC", strconv.Itoa(service.GarbagePercent(1000)))
	_, idle, none := c.empty(os.Args[0])
	g := c.start(os.Args[0], "--whatsapp-rate", crowdPace)
	c.connected(limit)
	c.settled(limit)
	_, first := memory(t, g.pid)
	if took := c.gone(g); took > 20*time.Second {
		t.Errorf("gone %s after the signal, want at most 20 s", took)
	}
	g = c.start(os.Args[0], "--whatsapp-rate", crowdPace)
	c.connected(limit)
	c.settled(limit)
	_, second := memory(t, g.pid)
	each := (min(first, second) - idle) * (1 << 20) / float64(n) // garbage only ever adds
	if each > maxBytes && n >= 100 {
		t.Errorf("%.0f bytes for each instance, want at most %d", each, maxBytes)
	}
	routines := float64(c.goroutines(g)-none) / float64(n)
	if routines > maxGoroutines {
		t.Errorf("%.1f goroutines for each instance, want at most %d", routines, maxGoroutines)
	}
	t.Logf("%.0f bytes and %.1f goroutines for each of %d instances", each, routines, n)
}
