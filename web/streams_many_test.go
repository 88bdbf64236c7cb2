package web_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"testing"
	"time"

	"pombal/web/webtest"
)

// openPages is how many pages people may have open at once, and openPagesHeap
// how much memory their streams may take.
const (
	openPages     = 200
	openPagesHeap = 10 << 20
)

// Two hundred open pages cost less than 10 MB and two goroutines each, and their
// streams end once the readers are gone.
func TestManyOpenPages(t *testing.T) {
	k := quickServer(t)
	goroutines, heap := settle(runtime.NumGoroutine()), heapInUse()
	conns := openAll(t, k, openPages)
	if used := heapInUse() - heap; used > openPagesHeap {
		t.Errorf("%d open pages take %d KB, more than %d", openPages, used>>10, openPagesHeap>>10)
	} else {
		t.Logf("%d open pages take %d KB and %d goroutines", openPages, used>>10, runtime.NumGoroutine()-goroutines)
	}
	// What signed in, and is closed, ends a moment later.
	if n := settle(goroutines+2*openPages+20) - goroutines; n > 2*openPages+20 {
		t.Errorf("%d open pages take %d goroutines", openPages, n)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	// The workers that served them stay around idle, for twenty seconds at most,
	// and serve others meanwhile; the streams' own goroutines end.
	for deadline := time.Now().Add(40 * time.Second); k.Server.Streams() > 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if n := settle(goroutines + openPages + 5); k.Server.Streams() != 0 || n > goroutines+openPages+5 {
		t.Errorf("%d streams and %d goroutines are left, there were %d", k.Server.Streams(), n, goroutines)
	}
}

// BenchmarkOpenPages measures what an open page costs, and how long it takes
// until nothing is left of two hundred.
func BenchmarkOpenPages(b *testing.B) {
	for b.Loop() {
		k := quickServer(b)
		heap, goroutines := heapInUse(), runtime.NumGoroutine()
		conns := openAll(b, k, openPages)
		b.ReportMetric(float64(heapInUse()-heap)/1e6, "MB/200-pages")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/openPages, "goroutines/page")
		began := time.Now()
		for _, c := range conns {
			_ = c.Close()
		}
		settle(goroutines + 5)
		b.ReportMetric(time.Since(began).Seconds(), "s/left")
		k.Stop()
	}
}

// quickServer notices a lost reader at once instead of within half a minute.
func quickServer(t testing.TB) *webtest.Kit {
	t.Helper()
	k := webtest.NewServer(t)
	k.Server.SetPace(100*time.Millisecond, time.Minute, time.Hour, 10*time.Second)
	return k
}

// openAll opens streams, as many to a session as one may have. A plain
// connection stands for the browser, so that next to nothing of the memory is
// the test's own.
func openAll(t testing.TB, k *webtest.Kit, n int) []net.Conn {
	t.Helper()
	var conns []net.Conn
	for len(conns) < n {
		c := k.SignedIn()
		home, err := url.Parse(k.URL)
		if err != nil {
			t.Fatal(err)
		}
		cookies := ""
		for _, cookie := range c.HTTP.Jar.Cookies(home) {
			cookies += fmt.Sprintf("%s=%s; ", cookie.Name, cookie.Value)
		}
		c.HTTP.Transport.(*http.Transport).CloseIdleConnections()
		for range min(8, n-len(conns)) {
			conns = append(conns, openRaw(t, k.Addr, cookies))
		}
	}
	return conns
}

// openRaw opens one stream and waits for its first bytes.
func openRaw(t testing.TB, addr, cookies string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "GET /live HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", addr, cookies); err != nil {
		t.Fatal(err)
	}
	var first [15]byte
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(first[:]); err != nil || string(first[:]) != "HTTP/1.1 200 OK" {
		t.Fatalf("stream: %q, %v", first, err)
	}
	return conn
}

// heapInUse is the memory of what is reachable.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// settle waits until no more than n goroutines are left, 40 s at most, and says
// how many there are.
func settle(n int) int {
	deadline := time.Now().Add(40 * time.Second)
	for runtime.NumGoroutine() > n && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	return runtime.NumGoroutine()
}
