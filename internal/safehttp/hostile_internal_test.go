package safehttp

import (
	"bytes"
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
	const limit = 250 * time.Millisecond
	answer := func(text string) func(net.Conn) {
		return func(conn net.Conn) { readRequest(conn); _, _ = io.WriteString(conn, text); drain(conn) }
	}
	cases := []struct {
		name   string
		scheme string
		handle func(net.Conn)
		status int // 0: an error is wanted
		slow   bool
	}{
		{"accepts and says nothing", "http", drain, 0, true},
		{"TLS stalls", "https", drain, 0, true},
		{"header stalls", "http", answer("HTTP/1.1 200 OK\r\nX-A: b"), 0, true},
		{"body stalls", "http", answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), 200, true},
		{"endless 100 Continue", "http", func(conn net.Conn) {
			readRequest(conn)
			for {
				if _, err := io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
					return
				}
			}
		}, 0, false},
		{"endless body", "http", func(conn net.Conn) {
			readRequest(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			for chunk := bytes.Repeat([]byte("x"), 1<<16); err == nil; {
				_, err = conn.Write(chunk)
			}
		}, 200, false},
		{"endless chunks", "http", func(conn net.Conn) {
			readRequest(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for err == nil {
				_, err = io.WriteString(conn, "1\r\nx\r\n")
			}
		}, 200, false},
		{"huge header", "http", func(conn net.Conn) {
			readRequest(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for i := 0; err == nil; i++ {
				_, err = fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("x", 1000))
			}
		}, 0, false},
		{"endless header line", "http", func(conn net.Conn) {
			readRequest(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
			for chunk := bytes.Repeat([]byte("x"), 1<<16); err == nil; {
				_, err = conn.Write(chunk)
			}
		}, 0, false},
		{"closes at once", "http", func(net.Conn) {}, 0, false},
		{"closes after the request", "http", func(conn net.Conn) { readRequest(conn) }, 0, false},
		{"no HTTP", "http", answer("SSH-2.0-OpenSSH_9.6\r\n\r\n"), 0, false},
		{"status beyond sense", "http", answer("HTTP/1.1 99999 X\r\n\r\n"), 0, false},
		{"no TLS", "https", func(conn net.Conn) { readRequest(conn); _, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n") }, 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, c.handle)
			timeout := CallTimeout
			if c.slow {
				timeout = limit
			}
			start := time.Now()
			res, err := call(t, newTestClient(t, timeout, addr), c.scheme+"://"+addr+"/")
			took := time.Since(start)
			if res.StatusCode != c.status || (err == nil) != (c.status != 0) {
				t.Errorf("got status %d, error %v; want status %d", res.StatusCode, err, c.status)
			}
			if len(res.Head) > KeptBody {
				t.Errorf("kept %d bytes, want at most %d", len(res.Head), KeptBody)
			}
			if c.slow && took < limit {
				t.Errorf("ended after %v, before the limit of %v", took, limit)
			}
			if took > 5*time.Second {
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
