package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pombal/internal/store"
)

// runCommand runs the product as the command line does.
func runCommand(t *testing.T, args ...string) (code int, out, problems string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, nil, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func makeData(t *testing.T, path string) []byte {
	t.Helper()
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestMaintenanceOfAStoppedGateway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, copied := filepath.Join(dir, "p.db"), filepath.Join(dir, "copy.db")
	raw := makeData(t, data)
	for _, args := range [][]string{
		{"check", "--data", data},
		{"compact", "--data", data},
		{"backup", "--data", data, copied},
		{"check", "--data=" + copied},
	} {
		if code, out, problems := runCommand(t, args...); code != exitOK || out == "" || problems != "" {
			t.Errorf("%v: code %d, %q, %q", args, code, out, problems)
		}
	}
	if code, _, problems := runCommand(t, "backup", "--data", data, copied); code != exitUsage || !strings.Contains(problems, copied) {
		t.Errorf("backup over a file: code %d, %q", code, problems)
	}

	// A damaged file is refused with one sentence that names what to restore.
	if err := os.WriteFile(data, raw[:5000], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "--addr", "127.0.0.1:0", "--data", data}, {"check", "--data", data}, {"compact", "--data", data}} {
		code, _, problems := runCommand(t, args...)
		if code != exitUsage || strings.Count(problems, "\n") != 1 || !strings.Contains(problems, copied) {
			t.Errorf("%v: code %d, %q", args, code, problems)
		}
	}
	if code, out, problems := runCommand(t, "restore", copied, "--data", data); code != exitOK || !strings.Contains(out, ".before-restore-") {
		t.Errorf("restore: code %d, %q, %q", code, out, problems)
	}
	if code, _, problems := runCommand(t, "check", "--data", data); code != exitOK {
		t.Errorf("check after restoring: code %d, %q", code, problems)
	}
	for _, args := range [][]string{{"backup"}, {"restore", "--data", data}, {"check", "extra"}, {"compact", "--nonsense"}} {
		if code, _, problems := runCommand(t, args...); code != exitUsage || problems == "" {
			t.Errorf("%v: code %d, %q", args, code, problems)
		}
	}
}

func TestMaintenanceOfARunningGateway(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "m") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	g := startGateway(t, settings(t, dir, startNetwork(t)), ownerEnv())
	data, copied := filepath.Join(dir, "pombal.db"), filepath.Join(dir, "copy.db")
	for _, args := range [][]string{{"check", "--data", data}, {"backup", copied, "--data", data}} {
		if code, out, problems := runCommand(t, args...); code != exitOK || out == "" {
			t.Errorf("%v: code %d, %q", args, code, problems)
		}
	}
	for _, args := range [][]string{{"compact", "--data", data}, {"restore", "--data", data, copied}} {
		if code, _, problems := runCommand(t, args...); code != exitUsage || !strings.Contains(problems, "another process") {
			t.Errorf("%v: code %d, %q", args, code, problems)
		}
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	if code, _, problems := runCommand(t, "restore", copied, "--data", data); code != exitOK {
		t.Errorf("restore: code %d, %q", code, problems)
	}
}
