package main

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// On a real disk that fills up: first what can wait is refused, then every
// write, always with 507 and a sentence; pages go on, readiness is red, and all
// ends by itself when there is room.
func TestRealDiskFillsUp(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	data := filepath.Join(disk, "pombal.db")
	g := startChild(t, settings(t, t.TempDir(), startNetwork(t), "--data", data), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	o.create("first")
	filler := filepath.Join(disk, "filler")
	create := func(name string) *page {
		t.Helper()
		return o.submit(o.get("/instances/new"), "/instances/new", url.Values{"name": {name}})
	}
	ready := func() bool {
		resp, err := http.Get(g.Home + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}

	fill(t, filler, 700<<10)
	o.until("readiness to turn red", func() bool { return !ready() })
	if p := create("nearly full"); p.Status != http.StatusInsufficientStorage || !strings.Contains(p.says(), "nearly full") {
		t.Errorf("nearly full: %d %s", p.Status, p.says())
	}
	if text := o.get("/instances").Find("#storage").Text(); !strings.Contains(text, "nearly full") {
		t.Errorf("the banner says %q", text)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	o.until("readiness", ready)
	o.create("second")

	fill(t, filler, 0)
	refused := false
	for i := 0; i < 40 && !refused; i++ { // what is free within the file is used up first
		p := create("full " + strings.Repeat("x", i))
		refused = p.Status == http.StatusInsufficientStorage
		if !refused && p.Status != http.StatusOK {
			t.Fatalf("full: %d %s", p.Status, p.says())
		}
	}
	if !refused {
		t.Error("40 instances were made on a full disk")
	}
	if p := o.get("/instances"); p.Status != http.StatusOK {
		t.Errorf("the list of instances: %d", p.Status)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	o.until("readiness", ready)
	o.create("last")
	if err := g.stop(); err != nil {
		t.Fatalf("stop: %v\n%s", err, g.log)
	}
	if code, _, problems := runCommand(t, "check", "--data", data); code != exitOK {
		t.Errorf("check: %s", problems)
	}
}

// fill writes a file until all but so many bytes of the disk are taken.
func fill(t *testing.T, path string, leave int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, chunk := int64(0), make([]byte, 64<<10)
	for context.Cause(t.Context()) == nil {
		n, err := f.Write(chunk)
		if size += int64(n); err != nil {
			break
		}
	}
	if err := f.Truncate(max(size-leave, 0)); err != nil {
		t.Fatal(err)
	}
}
