package main

import (
	"os"
	"strconv"
	"testing"
	"time"

	"pombal/internal/service"
)

// What an instance may take: goroutines, and memory (the bar of 200 MiB for 1000
// of them). Few instances share what all share, and the pages of the program and
// of the data file come as they are read, so only the growth of what the program
// allocates counts, with garbage collected as it is where many numbers are linked.
// What is garbage at the moment of looking varies, so half as much again may
// show here; BenchmarkThousand has the whole.
const (
	maxGoroutines = 6
	maxBytes      = 200 << 20 / 1000 * 3 / 2
)

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
	g := c.start(os.Args[0], "--whatsapp-rate", "1000")
	c.connected(limit)
	c.settled(limit)
	_, anon := memory(t, g.pid)
	each := (anon - idle) * (1 << 20) / float64(n)
	if each > maxBytes && n >= 100 {
		t.Errorf("%.0f bytes for each instance, want at most %d", each, maxBytes)
	}
	if took := c.gone(g); took > 20*time.Second {
		t.Errorf("gone %s after the signal, want at most 20 s", took)
	}
	g = c.start(os.Args[0], "--whatsapp-rate", "1000")
	c.connected(limit)
	c.settled(limit)
	routines := float64(c.goroutines(g)-none) / float64(n)
	if routines > maxGoroutines {
		t.Errorf("%.1f goroutines for each instance, want at most %d", routines, maxGoroutines)
	}
	t.Logf("%.0f bytes and %.1f goroutines for each of %d instances", each, routines, n)
}
