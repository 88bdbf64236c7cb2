package safehttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// A look at a receiver connects and agrees on TLS, and sends nothing.
func TestProbe(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	note := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	plain := httptest.NewServer(note)
	t.Cleanup(plain.Close)
	secured := httptest.NewUnstartedServer(note)
	secured.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secured.StartTLS()
	t.Cleanup(secured.Close)
	addr, tlsAddr := plain.Listener.Addr().String(), secured.Listener.Addr().String()
	c := newTestClient(t, CallTimeout, addr, tlsAddr)

	res, err := c.Probe(t.Context(), plain.URL+"/hook", Options{})
	if err != nil || res.Address != addr || res.TLS != "" || res.Split.Connect <= 0 {
		t.Errorf("http: %+v, %v", res, err)
	}
	res, err = c.Probe(t.Context(), secured.URL, Options{})
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok || res.Address != tlsAddr || res.Split.TLS <= 0 {
		t.Errorf("a certificate of nobody: %+v, %v", res, err)
	}
	res, err = c.Probe(t.Context(), secured.URL, Options{SkipVerify: true})
	if err != nil || res.TLS != "TLS 1.3" || !res.CertEnds.After(time.Now()) {
		t.Errorf("any certificate: %+v, %v", res, err)
	}
	known := newTestClient(t, CallTimeout, tlsAddr)
	known.transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	known.transport.TLSClientConfig.RootCAs.AddCert(secured.Certificate())
	if res, err = known.Probe(t.Context(), secured.URL, Options{}); err != nil || res.TLS == "" {
		t.Errorf("a known certificate: %+v, %v", res, err)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the receivers got %d requests", n)
	}
}

func TestProbeObeysThePolicy(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	addr := serve(t, func(net.Conn) { hits.Add(1) })
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	c := newTestClient(t, CallTimeout)
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "169.254.169.254", "127.1", "u:p@127.0.0.1"} {
		for _, scheme := range []string{"http", "https", "ftp"} {
			if res, err := c.Probe(t.Context(), scheme+"://"+host+":"+port, Options{}); err == nil {
				t.Errorf("%s://%s: reached %s", scheme, host, res.Address)
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the target saw %d connections", n)
	}
	refused := newTestClient(t, CallTimeout, "127.0.0.1:1")
	if _, err := refused.Probe(t.Context(), "http://127.0.0.1:1", Options{}); err == nil {
		t.Error("nobody listens there")
	}
}

// A receiver that accepts the connection and then keeps still ends the look.
func TestProbeOfAStalledHandshakeEnds(t *testing.T) {
	t.Parallel()
	const limit = 250 * time.Millisecond
	addr := serve(t, drain)
	c := newTestClient(t, CallTimeout, addr)
	if c.transport.TLSHandshakeTimeout != TLSTimeout {
		t.Errorf("a handshake may take %s", c.transport.TLSHandshakeTimeout)
	}
	c.transport.TLSHandshakeTimeout = limit
	began := time.Now()
	_, err := c.Probe(t.Context(), "https://"+addr, Options{})
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took < limit {
		t.Errorf("%v after %s", err, took)
	}
}
