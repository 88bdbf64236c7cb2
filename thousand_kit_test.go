package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

// crowd is a data file with many linked instances, and the network that their
// phones are in. The network lives in the test's process, the product that is
// measured in one of its own.
type crowd struct {
	t       testing.TB
	network *wasim.Server
	dir     string
	devices []types.JID
}

// gather links n instances, eight at a time.
func gather(t testing.TB, n int) *crowd {
	t.Helper()
	c := &crowd{t: t, network: startNetwork(t), dir: t.TempDir(), devices: make([]types.JID, n)}
	h := instancetest.New(t, instancetest.Options{Network: c.network, Path: c.data()})
	var all sync.WaitGroup
	gate := make(chan struct{}, 8)
	began := time.Now()
	for i := range n {
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			id := h.Create(fmt.Sprintf("shop %04d", i)).ID
			c.devices[i] = h.Pair(id, c.network.NewPhone(fmt.Sprintf("55119%08d", i), "Shop"))
		})
	}
	all.Wait()
	h.Stop()
	t.Logf("%d instances linked in %s", n, time.Since(began).Round(time.Millisecond))
	return c
}

func (c *crowd) data() string { return filepath.Join(c.dir, "pombal.db") }

// start starts the product on the data file.
func (c *crowd) start(path string, more ...string) *gateway {
	c.t.Helper()
	return startBinary(c.t, path, settings(c.t, c.dir, c.network, more...), ownerEnv())
}

// empty runs the product on a file without instances and says what that takes:
// resident and anonymous memory in MiB, and goroutines.
func (c *crowd) empty(path string) (rss, anon float64, goroutines int) {
	c.t.Helper()
	other := &crowd{t: c.t, network: c.network, dir: c.t.TempDir()}
	g := other.start(path)
	rss, anon = memory(c.t, g.pid)
	return rss, anon, other.goroutines(g)
}

// connected waits until every device is connected and has settled.
func (c *crowd) connected(limit time.Duration) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for i, device := range c.devices {
		if err := c.network.WaitOnline(ctx, device); err != nil {
			c.t.Fatalf("%d of %d connected after %s", i, len(c.devices), limit)
		}
	}
}

// settled waits until nobody has anything to tell the other side.
func (c *crowd) settled(limit time.Duration) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for _, device := range c.devices {
		if err := c.network.WaitSettled(ctx, device); err != nil {
			c.t.Fatalf("%s has not settled after %s", device, limit)
		}
	}
}

// gone waits until the product has ended after SIGTERM, and says how long that
// took.
func (c *crowd) gone(g *gateway) time.Duration {
	c.t.Helper()
	began := time.Now()
	if err := g.stop(); err != nil {
		c.t.Fatalf("stop: %v\n%s", err, g.log)
	}
	return time.Since(began)
}

var goroutineLine = regexp.MustCompile(`(?m)^goroutine \d+ `)

// goroutines ends the product and counts what its last words list.
func (c *crowd) goroutines(g *gateway) int {
	c.t.Helper()
	if err := syscall.Kill(g.pid, syscall.SIGQUIT); err != nil {
		c.t.Fatal(err)
	}
	_ = g.stop() // it has ended, or is about to
	text := g.log.String()
	if keep := os.Getenv("POMBALTEST_DUMP"); keep != "" {
		_ = os.WriteFile(keep, []byte(text), 0o600)
	}
	if !strings.Contains(text, "SIGQUIT") {
		c.t.Fatalf("no list of goroutines in\n%s", text)
	}
	return len(goroutineLine.FindAllString(text, -1))
}
