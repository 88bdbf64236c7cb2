package wastore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mutant is one mistake planted into a copy of this package's sources. It is
// compiled in together with all others and switched on by its name, so that
// one build serves for all.
type mutant struct {
	name string
	file string
	// old must stand in the file exactly once; text in replacements may use
	// mutated(name), and either(name, right, wrong).
	old, new string
}

// mutantSwitch is the environment variable that names the mistake to make.
const mutantSwitch = "WASTORE_MUTANT"

// mutantSource is added to the mutated copy.
const mutantSource = `package wastore

import "os"

var mutantName = os.Getenv("` + mutantSwitch + `")

func mutated(name string) bool { return name == mutantName }

func either[T any](name string, right, wrong T) T {
	if mutated(name) {
		return wrong
	}
	return right
}
`

const (
	mutantOps  = 60_000 // until a mutant counts as alive
	mutantTime = 60 * time.Second
)

var allMutants = flag.Bool("oracle.mutants", false, "try all mutants, also where that is slow")

// probeResult is what TestMutantProbe prints.
var probeResult = regexp.MustCompile(`mutant killed after (\d+) calls`)

// Every planted mistake is found by the oracle: it is worth what it finds.
func TestMutantsAreKilled(t *testing.T) {
	if os.Getenv(mutantSwitch) != "" {
		t.Skip("this is the mutated copy")
	}
	list := mutants()
	if !*allMutants && (testing.Short() || raceEnabled) {
		list = list[:5]
	}
	start := time.Now()
	binary := buildMutants(t)
	t.Logf("built in %v", time.Since(start).Round(time.Millisecond))
	start = time.Now()
	for _, m := range list {
		// One after the other: the oracle beside them needs the processors.
		if calls, how := probe(t, binary, m.name); calls == "" {
			t.Errorf("%s lives: %s", m.name, how)
		} else {
			t.Logf("%-28s %6s calls", m.name, calls)
		}
	}
	t.Logf("%d mutants in %v", len(list), time.Since(start).Round(time.Millisecond))
}

// buildMutants compiles the tests of this package over mutated sources.
func buildMutants(t *testing.T) string {
	t.Helper()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no Go tool to build mutants with")
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := map[string]string{}
	write := func(file, text string) {
		overlay[filepath.Join(here, file)] = filepath.Join(dir, file)
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, text := range mutate(t) {
		write(file, text)
	}
	write("mutated.go", mutantSource)
	raw, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	list, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutants.test")
	if err := os.WriteFile(list, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), goTool, "test", "-c", "-vet=off", "-overlay", list, "-o", binary, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build mutants: %v\n%s", err, out)
	}
	return binary
}

// mutate applies all patches to the sources as they are.
func mutate(t *testing.T) map[string]string {
	t.Helper()
	texts, original := map[string]string{}, map[string]string{}
	names := map[string]bool{}
	for _, m := range mutants() {
		if names[m.name] {
			t.Errorf("mutant %s twice", m.name)
		}
		names[m.name] = true
		if original[m.file] == "" {
			raw, err := os.ReadFile(m.file)
			if err != nil {
				t.Fatal(err)
			}
			original[m.file], texts[m.file] = string(raw), string(raw)
		}
		if n := strings.Count(original[m.file], m.old); n != 1 {
			t.Fatalf("mutant %s: its text stands %d times in %s, not once; bring the mutant up to date:\n%s", m.name, n, m.file, m.old)
		}
		if !strings.Contains(m.new, `("`+m.name+`"`) {
			t.Fatalf("mutant %s does not ask for its name", m.name)
		}
		texts[m.file] = strings.Replace(texts[m.file], m.old, m.new, 1)
	}
	return texts
}

// probe runs the oracle on one mutant and returns after how many calls it was
// found, "" when it was not. A crash or a hang finds it, too.
func probe(t *testing.T, binary, name string) (calls, how string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), mutantTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.run=^TestMutantProbe$", "-test.v")
	cmd.Env = append(os.Environ(), mutantSwitch+"="+name)
	out, err := cmd.CombinedOutput()
	if found := probeResult.FindSubmatch(out); found != nil {
		return string(found[1]), ""
	}
	switch {
	case ctx.Err() != nil:
		return "hang", ""
	case bytes.Contains(out, []byte("fatal error:")), bytes.Contains(out, []byte("panic:")):
		return "crash", ""
	}
	return "", fmt.Sprintf("%v\n%s", err, out)
}

// TestMutantProbe is the oracle within the mutated copy: it ends at the first
// difference.
func TestMutantProbe(t *testing.T) {
	if os.Getenv(mutantSwitch) == "" {
		t.Skip("run by TestMutantsAreKilled")
	}
	for seed, calls := uint64(1), 0; calls < mutantOps; seed++ {
		w, err := newWorld(t.TempDir(), newAllowance())
		if err == nil {
			err = w.play(newGenerator(seed).history(oracleHistory))
			calls += w.played
		}
		if err != nil {
			fmt.Printf("mutant killed after %d calls: %v\n", calls, err)
			_ = w.close()
			return
		}
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
	}
}
