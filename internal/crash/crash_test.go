package crash_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pombal/internal/crash"
)

// TestMain plays the process that crashes when it is asked to.
func TestMain(m *testing.M) {
	if path := os.Getenv("CRASH_TEST_FILE"); path != "" {
		log, err := crash.Open(path)
		switch {
		case err != nil:
			os.Exit(3)
		case os.Getenv("CRASH_TEST_HOW") == "panic":
			go panic("a stanza nobody can stop")
			time.Sleep(time.Minute)
		case os.Getenv("CRASH_TEST_HOW") == "kill":
			os.Exit(9)
		}
		if log.Close() != nil {
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func run(t *testing.T, path, how string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CRASH_TEST_FILE="+path, "CRASH_TEST_HOW="+how)
	if err := cmd.Run(); (err != nil) != (how != "order") {
		t.Fatalf("run that ends by %s: %v", how, err)
	}
}

func TestCrashesAreWrittenDown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pombal.db")
	run(t, path, "order")
	began := time.Now().Add(-2 * time.Second) // a file's time may be rounded
	run(t, path, "panic")
	ended := time.Now()
	run(t, path, "kill")
	run(t, path, "order")
	log, err := crash.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	got := log.Report()
	if got.Starts != 5 || got.Crashes != 1 || got.Kills != 1 || got.AfterCrash {
		t.Errorf("report = %+v", got)
	}
	if !strings.Contains(got.LastText, "a stanza nobody can stop") ||
		got.LastCrash.Before(began) || got.LastCrash.After(ended.Add(2*time.Second)) {
		t.Errorf("last crash at %s: %.200s", got.LastCrash, got.LastText)
	}
}

func TestAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pombal.db")
	run(t, path, "panic")
	log, err := crash.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if r := log.Report(); !r.AfterCrash || !r.Unseen || r.Killed {
		t.Errorf("report = %+v", r)
	}
	if err := log.Dismiss(); err != nil || log.Report().Unseen {
		t.Errorf("dismissed: %v, %+v", err, log.Report())
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	run(t, path, "order")
	if log, err = crash.Open(path); err != nil || log.Report().Unseen {
		t.Fatalf("a dismissed crash came back: %v", err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".starts", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err = crash.Open(path) // damaged counters do not matter
	if err != nil || log.Report().Starts != 1 {
		t.Fatalf("%+v, %v", log, err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}
