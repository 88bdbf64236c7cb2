package whatsapp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/socket"

	"pombal/internal/instance"
)

// Limits of a dial. The library adds 20 s for the Noise handshake, so that a
// Connect ends within a minute.
const (
	dialLimit   = 10 * time.Second
	tlsLimit    = 10 * time.Second
	headerLimit = 15 * time.Second
)

// httpClient makes the client for websocket, pre-login and media requests. It
// has no overall limit, because the websocket lives in it.
func httpClient(to *Endpoint) *http.Client {
	transport := newTransport()
	transport.Proxy = http.ProxyFromEnvironment
	if to != nil {
		transport.Proxy = nil
		dialer := &net.Dialer{Timeout: dialLimit, KeepAlive: 30 * time.Second}
		transport.DialTLSContext = standInDialer(dialer, to)
	}
	return &http.Client{Transport: transport}
}

func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialLimit, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   tlsLimit,
		ResponseHeaderTimeout: headerLimit,
		IdleConnTimeout:       time.Minute,
	}
}

// standInDialer sends every TLS connection, whatever its host, to the stand-in
// server and trusts that server's authority alone.
func standInDialer(dialer *net.Dialer, to *Endpoint) func(context.Context, string, string) (net.Conn, error) {
	tlsDialer := &tls.Dialer{NetDialer: dialer, Config: to.tlsConfig()}
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, tlsLimit)
		defer cancel()
		return tlsDialer.DialContext(ctx, network, to.URL.Host)
	}
}

func (to *Endpoint) tlsConfig() *tls.Config {
	return &tls.Config{RootCAs: to.CA, ServerName: to.URL.Hostname(), MinVersion: tls.VersionTLS12}
}

// onlyOpened makes an error of a proxy's refusal that can be told from others.
func onlyOpened(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return proxyError{status: resp.StatusCode}
	}
	return nil
}

// proxyError is what a proxy answered instead of making the connection.
type proxyError struct{ status int }

// Error describes the refusal.
func (e proxyError) Error() string { return fmt.Sprintf("the proxy answered %d", e.status) }

// dialError says why a connection could not be made.
func dialError(err error, proxied bool) *instance.DialError {
	dial := &instance.DialError{Err: err}
	var status socket.ErrWithStatusCode
	if errors.As(err, &status) {
		dial.HTTPStatus = status.StatusCode
	}
	if proxied {
		dial.Cause = proxyCause(err)
	}
	if dial.Cause == instance.CauseOther && dial.HTTPStatus == 0 {
		dial.Cause = directCause(err)
	}
	return dial
}

// proxyCause finds the proxy's part in a failure. The errors of SOCKS have no
// types; their texts are part of net/http.
func proxyCause(err error) instance.Cause {
	var answer proxyError
	var op *net.OpError
	text := err.Error()
	switch {
	case errors.As(err, &answer) && answer.status == http.StatusProxyAuthRequired,
		strings.Contains(text, "username/password authentication failed"),
		strings.Contains(text, "no acceptable authentication methods"):
		return instance.CauseProxyRefused
	case errors.As(err, &answer),
		errors.As(err, &op) && (op.Op == "proxyconnect" || op.Op == "socks connect"),
		strings.Contains(text, "proxyconnect"), strings.Contains(text, "socks connect"):
		return instance.CauseProxyDown
	default:
		return instance.CauseOther
	}
}

func directCause(err error) instance.Cause {
	var lookup *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &lookup):
		return instance.CauseDNS
	case errors.As(err, &cert), errors.As(err, &record), errors.As(err, &authority):
		return instance.CauseTLS
	default:
		return instance.CauseOther
	}
}

// TestProxy asks WhatsApp's front page through a proxy; see instance.Engine.
func (e *Engine) TestProxy(ctx context.Context, p *instance.Proxy) error {
	client := e.httpFor(p)
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, socket.Origin, nil)
	if err != nil {
		return &instance.DialError{Err: err}
	}
	resp, err := client.Do(req)
	if err != nil {
		return dialError(err, true)
	}
	return resp.Body.Close()
}
