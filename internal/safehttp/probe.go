package safehttp

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"net/url"
)

// Probe looks whether a receiver can be reached: its name is looked up, a
// connection made and, with https, TLS agreed on, all under the policy and its
// limits. Nothing is sent to the receiver. The Result tells where the time
// went, how far it came also with an error; that is a *URLError or *Refused in
// its chain where the policy spoke.
func (c *Client) Probe(ctx context.Context, raw string, opts Options) (Result, error) {
	u, err := CheckURL(raw)
	if err != nil {
		return Result{}, err
	}
	if c.isInside(ctx, u) {
		return Result{Address: InsideAddress}, nil
	}
	if err := c.judge.checkScheme(u); err != nil {
		return Result{}, err
	}
	port, err := portOf(u)
	if err != nil {
		return Result{}, err
	}
	watch := newStopwatch()
	ctx, cancel := context.WithTimeout(httptrace.WithClientTrace(ctx, watch.trace()), ConnectTimeout+TLSTimeout)
	defer cancel()
	conn, err := c.dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return watch.result(), err
	}
	defer conn.Close()
	watch.reached(conn.RemoteAddr().String())
	if u.Scheme != "https" {
		return watch.result(), nil
	}
	return c.agree(ctx, watch, conn, u, opts)
}

// agree makes the TLS part of a Probe.
func (c *Client) agree(ctx context.Context, watch *stopwatch, conn net.Conn, u *url.URL, opts Options) (Result, error) {
	transport := c.transport
	if opts.SkipVerify {
		transport = c.trusting
	}
	ctx, cancel := context.WithTimeout(ctx, transport.TLSHandshakeTimeout)
	defer cancel()
	config := &tls.Config{}
	if transport.TLSClientConfig != nil {
		config = transport.TLSClientConfig.Clone()
	}
	config.ServerName = u.Hostname()
	secured := tls.Client(conn, config)
	watch.begin(partTLS)
	err := secured.HandshakeContext(ctx)
	watch.end(partTLS)
	res := watch.result()
	if err != nil {
		return res, err
	}
	state := secured.ConnectionState()
	res.TLS = tls.VersionName(state.Version)
	if len(state.PeerCertificates) > 0 {
		res.CertEnds = state.PeerCertificates[0].NotAfter
	}
	return res, nil
}
