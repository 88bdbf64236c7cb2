package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pombal/internal/wasim"
)

// limit is how long a test waits for something that must happen.
const limit = time.Minute

// childVar makes a copy of the test binary be the product, or the stand-in
// network, in a process of its own.
const childVar = "POMBALTEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVar) {
	case "product":
		main()
	case "network":
		os.Exit(networkChild(os.Stdout, os.Stdin))
	default:
		code := m.Run()
		stopChromium()
		os.Exit(code)
	}
}

// owner is the first account of every gateway of these tests.
const (
	ownerEmail    = "ana@example.com"
	ownerPassword = "correct horse battery"
)

// root is shared by all stand-in networks of the test binary: the library
// keeps one Noise root key for the process.
var root = sync.OnceValue(wasim.NewRoot)

func startNetwork(t testing.TB) *wasim.Server {
	t.Helper()
	network, err := wasim.Start(wasim.Config{Root: root()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = network.Close() })
	return network
}

// gateway is a running product.
type gateway struct {
	Home string
	Code string // for the set-up page; empty when there is an owner
	Data string

	pid   int // of a child
	stop  func() error
	kill  func()
	crash func()       // makes the runtime end the process as a fatal error does
	wait  func() error // for the end of a child; once
	log   *lockedBuffer
}

// settings are the command line of a gateway for a test.
func settings(t testing.TB, dir string, network *wasim.Server, more ...string) []string {
	t.Helper()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, network.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	key := network.RootKey()
	return append([]string{
		"--addr", "127.0.0.1:0", "--data", filepath.Join(dir, "pombal.db"),
		"--whatsapp-url", network.URL(), "--whatsapp-ca", ca, "--whatsapp-root-key", hex.EncodeToString(key[:]),
	}, more...)
}

func ownerEnv() []string {
	return []string{"POMBAL_OWNER_EMAIL=" + ownerEmail, "POMBAL_OWNER_PASSWORD=" + ownerPassword}
}

// startGateway runs the product inside the test process.
func startGateway(t testing.TB, args, environ []string) *gateway {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	g := &gateway{log: &lockedBuffer{}}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, args, environ, in, g.log)
		_ = in.Close()
	}()
	var once sync.Once
	g.stop = func() (err error) {
		once.Do(func() {
			cancel()
			if c := <-code; c != exitOK {
				err = fmt.Errorf("exit code %d; log:\n%s", c, g.log)
			}
		})
		return err
	}
	t.Cleanup(func() {
		if err := g.stop(); err != nil {
			t.Error(err)
		}
	})
	g.readWelcome(t, out)
	return g
}

// startChild runs the product in a process of its own.
func startChild(t testing.TB, args, environ []string) *gateway {
	t.Helper()
	return startBinary(t, os.Args[0], args, environ)
}

// startBinary is startChild for a binary that was built for it, or this one.
func startBinary(t testing.TB, path string, args, environ []string) *gateway {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env = append(append(os.Environ(), childVar+"=product"), environ...)
	g := &gateway{log: &lockedBuffer{}}
	cmd.Stderr = g.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.pid = cmd.Process.Pid
	var once sync.Once
	wait := func() (err error) {
		once.Do(func() { err = cmd.Wait() })
		return err
	}
	g.wait = wait
	g.kill = func() { _ = cmd.Process.Kill(); _ = wait() }
	g.crash = func() { _ = cmd.Process.Signal(syscall.SIGABRT); _ = wait() }
	g.stop = func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		return wait()
	}
	t.Cleanup(g.kill)
	g.readWelcome(t, out)
	return g
}

var (
	readyLine = regexp.MustCompile(`ready: (http://\S+)`)
	codeLine  = regexp.MustCompile(`with this code: (\S+)`)
)

// readWelcome waits for the line that names the address and goes on reading so
// that the product never waits for us.
func (g *gateway) readWelcome(t testing.TB, out io.Reader) {
	t.Helper()
	ready := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(out)
		for g.Home == "" && lines.Scan() {
			if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
				g.Home = m[1]
			}
		}
		for lines.Scan() { // the welcome ends with an empty line
			if m := codeLine.FindStringSubmatch(lines.Text()); m != nil {
				g.Code = m[1]
			}
			if lines.Text() == "" {
				break
			}
		}
		close(ready)
		_, _ = io.Copy(io.Discard, out)
	}()
	select {
	case <-ready:
	case <-time.After(limit):
		t.Fatalf("the gateway did not say that it is ready; log:\n%s", g.log)
	}
	if g.Home == "" {
		t.Fatalf("the gateway ended before it was ready; log:\n%s", g.log)
	}
}

// receiver is a program at the other end of webhooks.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	calls []received
	more  chan struct{}
}

type received struct {
	Header http.Header
	Path   string
	Body   []byte
	Event  string
	ID     string
}

func startReceiver(t testing.TB) *receiver {
	r := &receiver{more: make(chan struct{})}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet {
			serveSample(w, req)
			return
		}
		raw, _ := io.ReadAll(req.Body)
		c := received{Header: req.Header.Clone(), Path: req.URL.Path, Body: raw}
		var head struct{ Event, ID string }
		_ = json.Unmarshal(raw, &head)
		c.Event, c.ID = head.Event, head.ID
		r.mu.Lock()
		r.calls = append(r.calls, c)
		close(r.more)
		r.more = make(chan struct{})
		r.mu.Unlock()
	}))
	t.Cleanup(r.Close)
	return r
}

// host is the receiver's host:port, for the allow-list.
func (r *receiver) host() string { return strings.TrimPrefix(r.URL, "http://") }

// until waits until cond is true of the calls so far.
func (r *receiver) until(t testing.TB, what string, cond func([]received) bool) []received {
	t.Helper()
	deadline := time.After(limit)
	for {
		r.mu.Lock()
		calls, more := append([]received(nil), r.calls...), r.more
		r.mu.Unlock()
		if cond(calls) {
			return calls
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("waited %s for %s; %d calls came", limit, what, len(calls))
		}
	}
}

// lockedBuffer collects a log that several goroutines write.
type lockedBuffer struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
