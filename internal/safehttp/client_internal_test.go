package safehttp

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

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
	// A busy machine may need a second one: net/http drops a connection whose
	// request is not known to be written 50 ms after its answer.
	if n := conns.Load(); n > 3 {
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
