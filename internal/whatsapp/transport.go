package whatsapp

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
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
	dialer := &net.Dialer{Timeout: dialLimit, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   tlsLimit,
		ResponseHeaderTimeout: headerLimit,
		IdleConnTimeout:       time.Minute,
	}
	if to != nil {
		transport.Proxy = nil
		transport.DialTLSContext = standInDialer(dialer, to)
	}
	return &http.Client{Transport: transport}
}

// standInDialer sends every TLS connection, whatever its host, to the stand-in
// server and trusts that server's authority alone.
func standInDialer(dialer *net.Dialer, to *Endpoint) func(context.Context, string, string) (net.Conn, error) {
	tlsDialer := &tls.Dialer{
		NetDialer: dialer,
		Config:    &tls.Config{RootCAs: to.CA, ServerName: to.URL.Hostname(), MinVersion: tls.VersionTLS12},
	}
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, tlsLimit)
		defer cancel()
		return tlsDialer.DialContext(ctx, network, to.URL.Host)
	}
}
