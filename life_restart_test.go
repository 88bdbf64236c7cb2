package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"pombal/internal/crash"
	"pombal/internal/service"
)

// unitSetting reads a setting of the shipped unit.
func unitSetting(t *testing.T, name string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + name + `=(.*)$`).FindStringSubmatch(service.Unit())
	if m == nil {
		t.Fatalf("the unit says nothing of %s", name)
	}
	return m[1]
}

// The rules that bring the process back: always, soon, and without giving up. A
// crash of a Go program has the exit status of a wrong setting, so none may be
// left out.
func TestRestartRules(t *testing.T) {
	for name, want := range map[string]string{"Restart": "always", "StartLimitIntervalSec": "0"} {
		if got := unitSetting(t, name); got != want {
			t.Errorf("%s=%s, want %s", name, got, want)
		}
	}
	if wait, err := time.ParseDuration(unitSetting(t, "RestartSec")); err != nil || wait > time.Second {
		t.Errorf("RestartSec=%s, want at most a second", wait)
	}
	if strings.Contains(service.Unit(), "RestartPreventExitStatus") {
		t.Error("an exit status is left out")
	}
	compose, err := os.ReadFile("compose.yaml")
	if err != nil || !bytes.Contains(compose, []byte("restart: unless-stopped")) {
		t.Errorf("compose.yaml does not bring it back: %v", err)
	}
	var out bytes.Buffer
	if code := run(context.Background(), []string{"unit"}, nil, &out, &out); code != exitOK || out.String() != service.Unit() {
		t.Errorf("pombal unit: exit code %d\n%s", code, out.String())
	}
}

// A frame that nothing can stop ends the process. Brought back as the unit would,
// it has counted the crash, and every number is connected again.
func TestComesBackFromACrash(t *testing.T) {
	const n = 5
	wait, err := time.ParseDuration(unitSetting(t, "RestartSec"))
	if err != nil {
		t.Fatal(err)
	}
	c := gather(t, n)
	start := func() *gateway { return c.start(os.Args[0], "--whatsapp-rate", "100", "--addr", "127.0.0.1:0") }
	g := start()
	c.connected(limit)
	// A stanza whose name is nothing. It is long enough to pass for one.
	if err := c.network.SendRaw(c.devices[2], []byte{0, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := g.wait(); !errors.As(err, &exit) || !strings.Contains(g.log.String(), "panic: interface conversion") {
		t.Fatalf("the process ended with %v\n%s", err, g.log)
	}
	died := time.Now()
	for _, device := range c.devices {
		if err := c.network.WaitOffline(context.Background(), device); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(wait - time.Since(died)) // as the unit would
	g = start()
	t.Logf("back %s after the crash, of which the unit waits %s", time.Since(died).Round(time.Millisecond), wait)
	c.connected(limit)
	if conn, err := net.Dial("tcp", strings.TrimPrefix(g.Home, "http://")); err != nil {
		t.Error(err)
	} else {
		_ = conn.Close()
	}
	await(t, "a word of the crash in the log", func() bool { return strings.Contains(g.log.String(), `"crashes":1`) })
	c.gone(g)
	log, err := crash.Open(c.data())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if r := log.Report(); r.Crashes != 1 || r.Kills != 0 || r.AfterCrash || !strings.Contains(r.LastText, "interface conversion") {
		t.Errorf("report = %+v", r)
	}
}
