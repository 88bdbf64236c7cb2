package wastore_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	oracleSeed = flag.Uint64("oracle.seed", 1, "first seed of the oracle's histories")
	oracleOps  = flag.Int("oracle.ops", 0, "calls of the oracle, 0 for the usual number")
)

const (
	// oracleHistory is the length of one history: long enough to fill the small
	// universe, short enough for the pages of both files to stay few.
	oracleHistory = 2500
	// oracleWorkers is how many histories run at once: more than processors,
	// since a store that commits in the background is waited for.
	oracleWorkers = 4
	// oracleFolder holds the histories that once failed.
	oracleFolder = "testdata/oracle"
)

// replay plays a history in a new world.
func replay(dir string, steps []step, allow *allowance) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := newWorld(dir, allow)
	if err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return errors.Join(w.play(steps), w.close())
}

func opsToRun() int {
	switch {
	case *oracleOps > 0:
		return *oracleOps
	case raceEnabled:
		return 5_000 // SQLite in Go is some forty times slower then
	case testing.Short():
		return 20_000
	}
	return 200_000
}

// Random histories on our store and the engine's own: every answer the same,
// and every row, but for the deliberate differences.
func TestOracle(t *testing.T) {
	t.Parallel()
	allow := newAllowance()
	histories := (opsToRun() + oracleHistory - 1) / oracleHistory
	var next, done atomic.Int64
	var workers sync.WaitGroup
	start := time.Now()
	for range oracleWorkers {
		workers.Go(func() {
			for !t.Failed() {
				i := next.Add(1) - 1
				if i >= int64(histories) {
					return
				}
				done.Add(int64(check(t, *oracleSeed+uint64(i), allow)))
			}
		})
	}
	workers.Wait()
	if t.Failed() {
		return
	}
	table, dead := allow.report()
	t.Logf("%d calls, %.0f a second\n%s", done.Load(), float64(done.Load())/time.Since(start).Seconds(), table)
	if len(dead) > 0 && opsToRun() >= 100_000 {
		t.Errorf("exemptions that nothing needed: %s", strings.Join(dead, ", "))
	}
}

// check plays the history of a seed and returns how many calls that were. A
// difference is made small and kept.
func check(t *testing.T, seed uint64, allow *allowance) int {
	steps := newGenerator(seed).history(oracleHistory)
	n := 0
	for i := range steps {
		n += steps[i].count()
	}
	err := replay(filepath.Join(t.TempDir(), "world"), steps, allow)
	if err == nil {
		return n
	}
	small := &shrinker{
		until: time.Now().Add(30 * time.Second),
		fails: func(steps []step) bool {
			return replay(filepath.Join(t.TempDir(), "smaller"), steps, newAllowance()) != nil
		},
	}
	steps = small.shrink(steps)
	name := filepath.Join(oracleFolder, fmt.Sprintf("seed-%d.jsonl", seed))
	if err := os.WriteFile(name, encodeHistory(steps), 0o600); err != nil {
		t.Error(err)
	}
	t.Errorf("seed %d: %v\nsmaller, kept as %s: %v\n%s", seed, err, name,
		replay(filepath.Join(t.TempDir(), "smallest"), steps, newAllowance()), encodeHistory(steps))
	return n
}

// Histories that once showed a difference.
func TestOracleRegressions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(oracleFolder, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no regressions: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			steps, err := decodeHistory(raw)
			if err != nil {
				t.Fatal(err)
			}
			if err := replay(filepath.Join(t.TempDir(), "world"), steps, newAllowance()); err != nil {
				t.Error(err)
			}
		})
	}
}
