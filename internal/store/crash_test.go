package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pombal/internal/store"
)

// crashVar makes the test binary be the process that is killed. It holds the
// path of the data file and the seed.
const crashVar = "POMBALTEST_CRASH"

const (
	crashSteps  = 400 // of each driver, at most
	crashRounds = 50
	crashSeeds  = 5
)

func crashNames() []string { return []string{"crash-a", "crash-b", "crash-c"} }

// TestCrashChild is the child: it runs the drivers side by side and says after
// each barrier which steps are on disk.
func TestCrashChild(t *testing.T) {
	path, seedText, ok := strings.Cut(os.Getenv(crashVar), "|")
	if !ok {
		t.Skip("runs as a child of TestKilledAtAnyMoment")
	}
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	// Killing a process takes nothing from the system, synced or not; half of
	// the rounds do without syncing, since they get further.
	r, err := openRig(path, store.Options{NoSync: seed%2 == 1})
	if err != nil {
		t.Fatal(err)
	}
	var drivers []*driver
	for _, name := range crashNames() {
		drivers = append(drivers, newDriver(t, r, name, seed))
	}
	fmt.Println("ready")
	var out sync.Mutex
	var wg sync.WaitGroup
	for _, d := range drivers {
		wg.Go(func() {
			for d.step < crashSteps {
				barrier, err := d.next(context.Background())
				out.Lock()
				if err != nil {
					fmt.Println("failed", d.name, d.step, err)
				} else if barrier {
					fmt.Println("durable", d.name, d.step)
				}
				out.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	fmt.Println("finished")
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // until the end comes
}

// modelDumps are the dumps of a driver's state after each step, from a rig that
// nobody kills.
func modelDumps(t *testing.T, seed uint64) map[string][]string {
	t.Helper()
	r, err := openRig(filepath.Join(t.TempDir(), "model.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	dumps := map[string][]string{}
	for _, name := range crashNames() {
		d := newDriver(t, r, name, seed)
		list := []string{d.dump(t)}
		for d.step < crashSteps {
			if _, err := d.next(t.Context()); err != nil {
				t.Fatal(err)
			}
			list = append(list, d.dump(t))
		}
		dumps[name] = list
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	return dumps
}

func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	rounds := crashRounds
	if testing.Short() {
		rounds = 5
	}
	random := rand.New(rand.NewPCG(7, 7))
	barriers, beyond := 0, 0
	for seed := range uint64(crashSeeds) {
		dumps := modelDumps(t, seed)
		for range rounds / crashSeeds {
			path := filepath.Join(t.TempDir(), "crash.db")
			durable := runAndKill(t, path, seed, time.Duration(random.IntN(300))*time.Millisecond)
			r, err := openRig(path, store.Options{NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.db.Check(t.Context()); err != nil {
				t.Error(err)
			}
			for _, name := range crashNames() {
				found := slices.Index(dumps[name], dumpOf(t, r, name, numberOf(t, r, name)))
				// The same state may come after several steps; the last counts.
				for i := found + 1; found >= 0 && i < len(dumps[name]); i++ {
					if dumps[name][i] == dumps[name][found] {
						found = i
					}
				}
				if found < durable[name] {
					t.Errorf("seed %d, %s: state %d of the model, but %d were on disk", seed, name, found, durable[name])
				}
				barriers += durable[name]
				beyond += found - durable[name]
			}
			if err := r.close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("%d rounds: %d steps vouched for, %d more found", rounds, barriers, beyond)
	if barriers == 0 {
		t.Error("no child ever came to a barrier")
	}
}

// runAndKill starts the child, kills it so long after it is ready and returns
// the last step of each driver that it said was on disk.
func runAndKill(t *testing.T, path string, seed uint64, after time.Duration) map[string]int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.v")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d", crashVar, path, seed))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	durable, ready := map[string]int{}, false
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		word := strings.Fields(lines.Text())
		switch {
		case len(word) == 1 && word[0] == "ready":
			ready = true
			timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
		case len(word) == 3 && word[0] == "durable":
			if n, err := strconv.Atoi(word[2]); err == nil {
				durable[word[1]] = n
			}
		case len(word) > 0 && (word[0] == "failed" || word[0] == "---"):
			t.Errorf("child: %s", lines.Text())
		}
	}
	err = errors.Join(stdin.Close(), lines.Err())
	var exit *exec.ExitError
	if waited := cmd.Wait(); !errors.As(waited, &exit) || !ready || err != nil {
		t.Fatalf("child: ready %t, %v, %v", ready, waited, err)
	}
	return durable
}
