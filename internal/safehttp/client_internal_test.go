package safehttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// newTestClient makes a client with a short time limit that may call the given
// "host:port" targets.
func newTestClient(t *testing.T, timeout time.Duration, targets ...string) *Client {
	t.Helper()
	c := New(Policy{AllowHostPorts: targets})
	c.timeout = timeout
	t.Cleanup(c.Close)
	return c
}

func call(t *testing.T, c *Client, target string) (Result, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(t.Context(), req)
}

// serve answers each connection to a raw TCP server with handle, which ends
// when its connection does.
func serve(t *testing.T, handle func(net.Conn)) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			handle(conn)
			conn.Close()
			stop()
		}
	}()
	t.Cleanup(func() { cancel(); ln.Close(); <-ended })
	return ln.Addr().String()
}

// readRequest reads a request as far as a server must before it answers.
func readRequest(conn net.Conn) {
	buf := make([]byte, 4096)
	_, _ = conn.Read(buf)
}

// drain holds a connection until the other side ends it.
func drain(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func TestDoAnswers(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.Header.Get("Accept-Encoding")+"|"+r.Method)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(strings.Repeat("x", 10_000)))
	}))
	t.Cleanup(srv.Close)
	res, err := call(t, newTestClient(t, CallTimeout, srv.Listener.Addr().String()), srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusTeapot || len(res.Head) != KeptBody || res.Header.Get("X-Seen") != "|POST" {
		t.Errorf("got status %d, %d bytes, header %q", res.StatusCode, len(res.Head), res.Header.Get("X-Seen"))
	}
}

func TestRefusedTargetsAreNeverConnected(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	addr := serve(t, func(conn net.Conn) { hits.Add(1) })
	_, port, _ := net.SplitHostPort(addr)
	c := newTestClient(t, CallTimeout)
	for _, host := range []string{
		"127.0.0.1", "localhost", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.1",
		"2130706433", "0x7f000001", "0177.0.0.1",
	} {
		if res, err := call(t, c, "http://"+host+":"+port); err == nil {
			t.Errorf("%s: got status %d, want an error", host, res.StatusCode)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the target saw %d connections, want 0", n)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(target.Close)
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		for _, to := range []string{target.URL, "http://169.254.169.254/", "::not a url", "http://user:pw@" + target.Listener.Addr().String()} {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}))
			t.Cleanup(srv.Close)
			c := newTestClient(t, CallTimeout, srv.Listener.Addr().String(), target.Listener.Addr().String())
			if res, err := call(t, c, srv.URL); err != nil || res.StatusCode != status {
				t.Errorf("%d to %s: got status %d, %v", status, to, res.StatusCode, err)
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the target of the redirects was called %d times, want 0", n)
	}
}

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

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	var conns atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), MaxBody))
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	c := newTestClient(t, CallTimeout, srv.Listener.Addr().String())
	for range 20 {
		if _, err := call(t, c, srv.URL); err != nil {
			t.Fatal(err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("20 calls made %d connections, want 1", n)
	}
}

func TestNoProxyOfTheEnvironment(t *testing.T) {
	var hits atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(proxy.Close)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	c := newTestClient(t, CallTimeout, proxy.Listener.Addr().String())
	if _, err := call(t, c, "http://192.0.2.1/"); err == nil || hits.Load() != 0 {
		t.Errorf("got %v and %d calls of the proxy, want a refusal and none", err, hits.Load())
	}
}

func TestPublicModeWantsHTTPSAtEachCall(t *testing.T) {
	t.Parallel()
	c := New(Policy{Mode: ModePublic})
	_, err := call(t, c, "http://1.1.1.1/")
	if bad, ok := errors.AsType[*URLError](err); !ok || bad.Fault != FaultHTTPS {
		t.Errorf("got %v, want fault https", err)
	}
	_, err = call(t, c, "https://user:pw@1.1.1.1/")
	if bad, ok := errors.AsType[*URLError](err); !ok || bad.Fault != FaultCredentials {
		t.Errorf("got %v, want fault credentials", err)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	_, err := call(t, newTestClient(t, CallTimeout, srv.Listener.Addr().String()), srv.URL)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("got %v, want a refused certificate", err)
	}
}

// fakeDNS answers every question with the addresses that answer gives for it.
func fakeDNS(answer func(kind uint16) []netip.Addr) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for {
				var size [2]byte
				if _, err := io.ReadFull(server, size[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(server, query); err != nil {
					return
				}
				reply := dnsReply(query, answer)
				if _, err := server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
					return
				}
			}
		}()
		return client, nil
	}}
}

const (
	dnsA    = 1
	dnsAAAA = 28
)

func dnsReply(query []byte, answer func(kind uint16) []netip.Addr) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5
	kind := binary.BigEndian.Uint16(query[end-4:])
	addrs := answer(kind)
	reply := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, byte(len(addrs)), 0, 0, 0, 0}, query[12:end]...)
	for _, a := range addrs {
		reply = append(reply, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(a.BitLen()/8))
		reply = append(reply, a.AsSlice()...)
	}
	return reply
}

func TestRebindingNames(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	addr := serve(t, func(net.Conn) { hits.Add(1) })
	_, port, _ := net.SplitHostPort(addr)
	var bound atomic.Bool // false: public, true: this machine
	c := newTestClient(t, CallTimeout)
	c.resolver = fakeDNS(func(kind uint16) []netip.Addr {
		switch {
		case kind != dnsA:
			return nil
		case bound.Load():
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		default:
			return []netip.Addr{netip.MustParseAddr("1.1.1.1")}
		}
	})
	for round := range 1000 {
		bound.Store(false)
		if err := c.Check(t.Context(), "http://rebind.example:"+port+"/"); err != nil {
			t.Fatalf("round %d: the public answer was refused: %v", round, err)
		}
		bound.Store(true)
		_, err := call(t, c, "http://rebind.example:"+port+"/")
		if refused, ok := errors.AsType[*Refused](err); !ok || refused.Class != ClassLoopback {
			t.Fatalf("round %d: got %v, want loopback refused", round, err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the target saw %d connections, want 0", n)
	}
}

func TestNamesWithSeveralAddresses(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	c := newTestClient(t, CallTimeout, "mixed.example:"+port)
	c.resolver = fakeDNS(func(kind uint16) []netip.Addr {
		if kind == dnsAAAA {
			return []netip.Addr{netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fd00:ec2::254")}
		}
		return []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("127.0.0.1")}
	})
	res, err := call(t, c, "http://mixed.example:"+port)
	if err != nil || res.StatusCode != http.StatusNotFound {
		t.Errorf("got status %d, %v; want the one address that is open to be used", res.StatusCode, err)
	}
	err = c.CheckHost(t.Context(), "mixed.example", "1")
	if refused, ok := errors.AsType[*Refused](err); !ok {
		t.Errorf("all addresses are refused at this port, got %v", refused)
	}
}

func TestCheckHostLetsUnknownNamesPass(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, CallTimeout)
	c.resolver = fakeDNS(func(uint16) []netip.Addr { return nil })
	if err := c.CheckHost(t.Context(), "later.example", "80"); err != nil {
		t.Errorf("got %v, want nil: the name may come to exist", err)
	}
}

func TestOwnAddressesThatCannotBeListed(t *testing.T) {
	t.Parallel()
	j := newJudge(Policy{Own: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:8080")}})
	j.local = func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("192.168.1.5")}, nil }
	target := netip.MustParseAddr("192.168.1.5")
	if _, ok := errors.AsType[*Refused](j.check("x", "8080", target)); !ok {
		t.Error("an address of this machine at our port was not refused")
	}
	if err := j.check("x", "8080", netip.MustParseAddr("192.168.1.6")); err != nil {
		t.Errorf("a neighbour was refused: %v", err)
	}
	j.local = func() ([]netip.Addr, error) { return nil, errors.New("no list") }
	if err := j.check("x", "8080", netip.MustParseAddr("192.168.1.6")); err == nil {
		t.Error("without a list every address at our port counts as our own")
	}
}
