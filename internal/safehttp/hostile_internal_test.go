package safehttp

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHostileAnswersEnd(t *testing.T) {
	t.Parallel()
	const (
		brief = 250 * time.Millisecond // the limit of what ends by time
		roomy = 3 * time.Second        // the same, where a status must come within it
		ample = 3 * time.Minute        // the limit of what ends by itself
		early = time.Minute            // all of it ends by then, on a slow machine too
	)
	answer := func(text string) func(net.Conn) {
		return func(conn net.Conn) { readRequest(conn); _, _ = io.WriteString(conn, text); drain(conn) }
	}
	cases := []struct {
		name   string
		scheme string
		handle func(net.Conn)
		status int           // 0: an error is wanted
		limit  time.Duration // 0: ample, and it is not reached
	}{
		{"accepts and says nothing", "http", drain, 0, brief},
		{"TLS stalls", "https", drain, 0, brief},
		{"header stalls", "http", answer("HTTP/1.1 200 OK\r\nX-A: b"), 0, brief},
		{"body stalls", "http", answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), 200, roomy},
		{"endless 100 Continue", "http", func(conn net.Conn) {
			readRequest(conn)
			for {
				if _, err := io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
					return
				}
			}
		}, 0, 0},
		{"endless body", "http", func(conn net.Conn) {
			readRequest(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			for chunk := bytes.Repeat([]byte("x"), 1<<16); err == nil; {
				_, err = conn.Write(chunk)
			}
		}, 200, 0},
		{"endless chunks", "http", func(conn net.Conn) {
			readRequest(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for err == nil {
				_, err = io.WriteString(conn, "1\r\nx\r\n")
			}
		}, 200, 0},
		{"huge header", "http", func(conn net.Conn) {
			readRequest(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for i := 0; err == nil; i++ {
				_, err = fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("x", 1000))
			}
		}, 0, 0},
		{"endless header line", "http", func(conn net.Conn) {
			readRequest(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
			for chunk := bytes.Repeat([]byte("x"), 1<<16); err == nil; {
				_, err = conn.Write(chunk)
			}
		}, 0, 0},
		{"closes at once", "http", func(net.Conn) {}, 0, 0},
		{"closes after the request", "http", func(conn net.Conn) { readRequest(conn) }, 0, 0},
		{"no HTTP", "http", answer("SSH-2.0-OpenSSH_9.6\r\n\r\n"), 0, 0},
		{"status beyond sense", "http", answer("HTTP/1.1 99999 X\r\n\r\n"), 0, 0},
		{"no TLS", "https", func(conn net.Conn) { readRequest(conn); _, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n") }, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, c.handle)
			limit := cmp.Or(c.limit, ample)
			start := time.Now()
			res, err := call(t, newTestClient(t, limit, addr), c.scheme+"://"+addr+"/")
			took := time.Since(start)
			if res.StatusCode != c.status || (err == nil) != (c.status != 0) {
				t.Errorf("got status %d, error %v; want status %d", res.StatusCode, err, c.status)
			}
			if len(res.Head) > KeptBody {
				t.Errorf("kept %d bytes, want at most %d", len(res.Head), KeptBody)
			}
			if c.limit > 0 && took < limit {
				t.Errorf("ended after %v, before the limit of %v", took, limit)
			}
			if took > early {
				t.Errorf("ended after %v", took)
			}
		})
	}
}

func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{50 << 10: http.StatusOK, 80 << 10: 0} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", size))
		}))
		t.Cleanup(srv.Close)
		res, err := call(t, newTestClient(t, CallTimeout, srv.Listener.Addr().String()), srv.URL)
		if res.StatusCode != want || (err == nil) != (want != 0) {
			t.Errorf("%d bytes: got status %d, %v; want %d", size, res.StatusCode, err, want)
		}
	}
}

func TestNothingIsUnpacked(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(make([]byte, 1<<20))
	_ = w.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	}))
	t.Cleanup(srv.Close)
	res, err := call(t, newTestClient(t, CallTimeout, srv.Listener.Addr().String()), srv.URL)
	if err != nil || !bytes.Equal(res.Head, packed.Bytes()[:min(packed.Len(), KeptBody)]) {
		t.Errorf("got %d bytes, %v; want the packed bytes as they were sent", len(res.Head), err)
	}
}
