package safehttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A download follows few redirects, judges each, and ends at its limit.
func TestGet(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("headers %v", r.Header)
		}
		switch r.URL.Path {
		case "/file":
			_, _ = w.Write([]byte("12345"))
		case "/3":
			http.Redirect(w, r, "/2", http.StatusPermanentRedirect)
		case "/2":
			http.Redirect(w, r, "/1", http.StatusSeeOther)
		case "/1":
			http.Redirect(w, r, "/file", http.StatusMovedPermanently)
		case "/4":
			http.Redirect(w, r, "/3", http.StatusFound)
		case "/down":
			http.Redirect(w, r, "http://"+r.Host+"/file", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "https://10.0.0.1/", http.StatusFound)
		case "/login":
			http.Redirect(w, r, "https://me:secret@"+r.Host+"/file", http.StatusFound)
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
		case "/endless":
			for {
				if _, err := w.Write(make([]byte, 1024)); err != nil {
					return
				}
			}
		default:
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "https://")
	c := New(Policy{Mode: ModePublic, AllowHostPorts: []string{host}})
	defer c.Close()
	c.transport = c.newTransport(true) // the certificate is the test's own

	read := func(path string, limit int64) (string, error) {
		d, err := c.Get(t.Context(), srv.URL+path, limit)
		if err != nil {
			return "", err
		}
		defer d.Body.Close()
		raw, err := io.ReadAll(d.Body)
		return string(raw), err
	}
	for _, path := range []string{"/file", "/1", "/3"} {
		if got, err := read(path, 5); err != nil || got != "12345" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	for _, path := range []string{"/file", "/endless"} {
		if _, err := read(path, 4); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s with a limit: %v", path, err)
		}
	}
	for path, want := range map[string]int{"/4": http.StatusLoopDetected, "/nothing": http.StatusTeapot, "/packed": http.StatusUnsupportedMediaType} {
		var status *StatusError
		if _, err := read(path, 5); !errors.As(err, &status) || status.Code != want {
			t.Errorf("%s: %v, want %d", path, err, want)
		}
	}
	for path, want := range map[string]Fault{"/down": FaultHTTPS, "/login": FaultCredentials} {
		var bad *URLError
		if _, err := read(path, 5); !errors.As(err, &bad) || bad.Fault != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	var refused *Refused
	if _, err := read("/inside", 5); !errors.As(err, &refused) || refused.Class != ClassPrivate {
		t.Errorf("to the inside: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d, err := c.Get(ctx, srv.URL+"/endless", 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, d.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
	_ = d.Body.Close()
}

// Plain http is for public mode with PlainHTTP alone, and only the scheme is
// let off.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		policy Policy
		url    string
		ok     bool
	}{
		{Policy{Mode: ModePublic}, "http://93.184.216.34/", false},
		{Policy{Mode: ModePublic, PlainHTTP: true}, "http://93.184.216.34/", true},
		{Policy{Mode: ModePublic, PlainHTTP: true}, "http://10.0.0.1/", false},
		{Policy{Mode: ModePublic, PlainHTTP: true}, "ftp://93.184.216.34/", false},
	} {
		c := New(tc.policy)
		if err := c.Check(t.Context(), tc.url); (err == nil) != tc.ok {
			t.Errorf("%s with %+v: %v", tc.url, tc.policy, err)
		}
		c.Close()
	}
}
