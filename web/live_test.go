package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pombal/internal/live"
	"pombal/web"
	"pombal/web/webtest"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// stream is an open stream of signals.
type stream struct {
	t      *testing.T
	res    *http.Response
	lines  chan string
	cancel context.CancelFunc
}

// open opens a stream as a signed-in browser.
func open(t *testing.T, c *webtest.Client, headers ...string) *stream {
	t.Helper()
	return openAt(t, c, "/live", headers...)
}

func openAt(t *testing.T, c *webtest.Client, path string, headers ...string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Kit.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		t.Fatalf("open stream: %v", err)
	}
	s := &stream{t: t, res: res, lines: make(chan string, 10000), cancel: cancel}
	go func() {
		defer close(s.lines)
		sc := bufio.NewScanner(res.Body)
		for sc.Scan() {
			if line := sc.Text(); line != "" {
				s.lines <- line
			}
		}
	}()
	t.Cleanup(s.close)
	return s
}

func (s *stream) close() {
	s.cancel()
	s.res.Body.Close()
	for range s.lines { // until the reader has ended
	}
}

// until reads lines until one is want.
func (s *stream) until(want string) {
	s.t.Helper()
	var got []string
	deadline := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("the stream ended after %q, want %q", got, want)
			}
			if got = append(got, line); line == want {
				return
			}
		case <-deadline:
			s.t.Fatalf("read %q, want %q", got, want)
		}
	}
}

// ended waits for the end and gives what came before it.
func (s *stream) ended() []string {
	s.t.Helper()
	var got []string
	deadline := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				return got
			}
			got = append(got, line)
		case <-deadline:
			s.t.Fatalf("the stream did not end; read %q", got)
		}
	}
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Errorf("it never came to: %s", what)
}

func TestStreamBringsSignals(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.SignedIn()
	s := open(t, c)
	if s.res.StatusCode != 200 || s.res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" ||
		s.res.Header.Get("Cache-Control") != "no-store" || s.res.Header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("status %d, headers %v", s.res.StatusCode, s.res.Header)
	}
	s.until("retry: 2000")
	k.Hub.Publish("inst-i1")
	s.until("id: 1")
	s.until("event: inst-i1")
	s.until("data: 1")
	s.close()
	k.Hub.Publish("inst-i2", "inst-i3")
	back := open(t, c, "Last-Event-ID: 1")
	back.until("event: inst-i2")
	back.until("event: inst-i3")
	lost := open(t, c, "Last-Event-ID: 999")
	lost.until("event: " + live.SignalResync)
}

func TestStreamWithoutSessionIsAnEmpty401(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	a := k.NewClient().Get("/live", "HX-Request: true")
	if a.Status != 401 || a.Body != "" || a.Header.Get("Location") != "" || a.Header.Get("HX-Redirect") != "" {
		t.Errorf("status %d, body %q, headers %v", a.Status, a.Body, a.Header)
	}
}

func TestStreamsPerSessionAndInAll(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Server.SetPace(10*time.Millisecond, time.Hour, time.Hour, patience)
	c := k.SignedIn()
	var streams []*stream
	for range 8 {
		s := open(t, c)
		s.until("retry: 2000")
		streams = append(streams, s)
	}
	// The newest page wins: whoever clicks fast has left the others.
	open(t, c).until("retry: 2000")
	streams[0].until("event: " + live.SignalReplaced)
	streams[0].ended()
	open(t, k.SignedIn()).until("retry: 2000")
	eventually(t, "the replaced stream is counted out", func() bool { return k.Server.Streams() == 9 && k.Hub.Len() == 9 })
	for _, s := range streams[2:] {
		k.Hub.Publish("still-there")
		s.until("event: still-there")
	}
	streams[1].close()
	eventually(t, "room for another stream", func() bool { return k.Server.Streams() == 8 })
	open(t, c).until("retry: 2000")
	full := webtest.NewServer(t, func(d *web.Deps) { d.Hub = live.NewHub(live.Options{Max: 1}) })
	c = full.SignedIn()
	open(t, c).until("retry: 2000")
	if a := c.Get("/live"); a.Status != 429 || a.Body != "" {
		t.Errorf("full hub = %d %q", a.Status, a.Body)
	}
}

func TestLostReaderIsNoticed(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Server.SetPace(20*time.Millisecond, time.Hour, time.Hour, patience)
	c := k.SignedIn()
	for range 5 {
		s := open(t, c)
		s.until(": k")
		s.close()
	}
	eventually(t, "no open stream", func() bool { return k.Server.Streams() == 0 && k.Hub.Len() == 0 })
	open(t, c).until("retry: 2000")
}

// A reader that never reads does not hold its stream for ever, and does not
// hold up anybody else.
func TestSlowReaderIsFreed(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t, func(d *web.Deps) { d.Hub = live.NewHub(live.Options{Gap: time.Nanosecond}) })
	k.Server.SetPace(time.Hour, time.Hour, time.Hour, 200*time.Millisecond)
	c := k.SignedIn()
	conn := rawStream(t, k, c)
	defer conn.Close()
	eventually(t, "one stream", func() bool { return k.Server.Streams() == 1 })
	long := strings.Repeat("x", 60000)
	stop := time.Now().Add(patience)
	for i := 0; k.Server.Streams() > 0 && time.Now().Before(stop); i++ {
		k.Hub.Publish(fmt.Sprintf("inst-%d-%s", i, long))
		time.Sleep(time.Millisecond)
	}
	if n := k.Server.Streams(); n != 0 {
		t.Errorf("%d streams, want 0", n)
	}
}

// rawStream opens a stream and never reads from it.
func rawStream(t *testing.T, k *webtest.Kit, c *webtest.Client) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", k.Addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(k.URL)
	if err != nil {
		t.Fatal(err)
	}
	cookies := ""
	for _, ck := range c.HTTP.Jar.Cookies(u) {
		cookies += ck.Name + "=" + ck.Value + "; "
	}
	fmt.Fprintf(conn, "GET /live HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", k.Addr, cookies)
	return conn
}

func TestOverflowIsOneResync(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t, func(d *web.Deps) { d.Hub = live.NewHub(live.Options{Gap: time.Nanosecond}) })
	s := open(t, k.SignedIn())
	s.until("retry: 2000")
	for i := 0; i < 20000; i++ {
		k.Hub.Publish(fmt.Sprintf("inst-%d", i))
	}
	s.until("event: " + live.SignalResync)
}

func TestSessionThatEndsEndsItsStream(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Server.SetPace(time.Hour, 20*time.Millisecond, time.Hour, patience)
	s := open(t, k.SignedIn())
	s.until("retry: 2000")
	seen, looked := k.Auth.Seen(), k.Auth.Looked()
	eventually(t, "a second look at the session", func() bool { return k.Auth.Looked() >= looked+2 })
	if k.Auth.Seen() != seen {
		t.Error("a stream counts as somebody being there")
	}
	k.Auth.Expire()
	if got := s.ended(); len(got) != 2 || got[0] != "event: session-expired" {
		t.Errorf("the stream ended with %q", got)
	}
}

func TestOldStreamEndsCleanly(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Server.SetPace(time.Hour, time.Hour, 50*time.Millisecond, patience)
	s := open(t, k.SignedIn())
	if got := s.ended(); len(got) != 1 {
		t.Errorf("the stream brought %q", got)
	}
}

// The server's write deadline does not cut a stream that is older than it.
func TestStreamOutlivesDeadlines(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Server.SetPace(50*time.Millisecond, time.Hour, time.Hour, 2*time.Second)
	s := open(t, k.SignedIn())
	for began := time.Now(); time.Since(began) < 3*time.Second; {
		s.until(": k")
	}
}

// Stopping does not wait for streams, which would take an hour here.
func TestShutdownWithOpenStreams(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Server.SetPace(time.Hour, time.Hour, time.Hour, time.Hour)
	var streams []*stream
	for range 4 {
		c := k.SignedIn()
		for range 5 {
			s := open(t, c)
			s.until("retry: 2000")
			streams = append(streams, s)
		}
	}
	start := time.Now()
	k.Stop() // fails the test when it takes too long
	t.Logf("stopping took %v", time.Since(start))
	for _, s := range streams {
		s.ended()
	}
	if n := k.Server.Streams(); n != 0 {
		t.Errorf("%d streams are still open", n)
	}
}

// Nor does it wait for connections on which nothing was ever asked: browsers
// open some ahead, and so does every client whose request went another way.
func TestShutdownWithSilentConnections(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	for range 3 {
		conn, err := net.Dial("tcp", k.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	k.NewClient().Get("/healthz").Want(200) // they came first, so they are being served
	k.Stop()                                // fails when its limit passes
}

// A panic in a stream's writer, which fasthttp does not catch, ends the stream
// and not the process.
func TestPanicInAStream(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Server.SetPace(time.Hour, 20*time.Millisecond, time.Hour, patience)
	c := k.SignedIn()
	s := open(t, c)
	s.until("retry: 2000")
	k.Auth.SetPanic("stream canary")
	s.ended()
	k.Auth.SetPanic(nil)
	c.Get("/instances").Want(200)
	if !strings.Contains(k.Log.String(), "stream canary") {
		t.Error("the panic was not logged")
	}
	eventually(t, "no open stream", func() bool { return k.Server.Streams() == 0 && k.Hub.Len() == 0 })
}

func TestSignalFormat(t *testing.T) {
	t.Parallel()
	for want, sig := range map[string]live.Signal{
		"id: 7\nevent: log\ndata: 1\n\n": {Name: "log", ID: 7},
		"event: resync\ndata: 1\n\n":     {Name: "resync"},
	} {
		if got := web.FormatSignal(sig); got != want {
			t.Errorf("FormatSignal(%v) = %q, want %q", sig, got, want)
		}
	}
}

// What changes between the answer to a page and the opening of its stream
// reaches the page all the same.
func TestSignalsBetweenPageAndStreamAreNotLost(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.SignedIn()
	page := c.Get("/instances")
	at := page.Doc().Find("#live").AttrOr("hx-sse:connect", "")
	if at == "" {
		t.Fatal("the page opens no stream")
	}
	k.Hub.Publish("inst-between")
	s := openAt(t, c, at)
	s.until("event: inst-between")
}
