package safehttp

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// The limits of one call.
const (
	ConnectTimeout = 5 * time.Second
	TLSTimeout     = 5 * time.Second
	CallTimeout    = 15 * time.Second
	MaxHeader      = 64 << 10 // bytes of the answer's header
	MaxBody        = 64 << 10 // bytes of the answer's body that are read
	KeptBody       = 4 << 10  // bytes of the answer's body that are kept
)

// Result is the answer to a call.
type Result struct {
	StatusCode int
	Header     http.Header
	Head       []byte        // the first KeptBody bytes of the body, as they came
	Took       time.Duration // until the body was read or given up
}

// Client makes calls under one policy, which does not change. It is safe for
// concurrent use.
type Client struct {
	judge     *judge
	resolver  *net.Resolver
	transport *http.Transport
	timeout   time.Duration
}

// New makes a Client. It keeps idle connections; Close ends them.
func New(p Policy) *Client {
	c := &Client{judge: newJudge(p), resolver: &net.Resolver{PreferGo: true}, timeout: CallTimeout}
	c.transport = &http.Transport{
		Proxy:                  nil, // an environment variable must not reroute signed calls
		DialContext:            c.dial,
		TLSHandshakeTimeout:    TLSTimeout,
		MaxResponseHeaderBytes: MaxHeader,
		DisableCompression:     true, // nothing is unpacked, so nothing can blow up
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        60 * time.Second,
	}
	return c
}

// Close ends the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// dial connects to addr ("host:port" of the URL) and judges each address that
// the name stands for right before the connection is made.
func (c *Client) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	d := net.Dialer{
		Timeout:  ConnectTimeout,
		Resolver: c.resolver,
		ControlContext: func(_ context.Context, _, connected string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(connected)
			if err != nil {
				return fmt.Errorf("judge address: %w", err)
			}
			return c.judge.check(host, port, ap.Addr())
		},
	}
	return d.DialContext(ctx, network, addr)
}

// Do makes one call and reads its answer within the limits. Any status is a
// Result, redirects too. An answer whose status came but whose body did not
// end in time or in size is a Result as well: the body is only looked at. The
// error is a *URLError or *Refused in its chain where the policy spoke.
func (c *Client) Do(ctx context.Context, req *http.Request) (Result, error) {
	if err := c.judge.checkScheme(req.URL); err != nil {
		return Result{}, err
	}
	if req.URL.User != nil {
		return Result{}, fault(FaultCredentials)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	start := time.Now()
	// The transport itself is used, not http.Client: that one follows or at
	// least reads redirects and adds credentials from the URL.
	resp, err := c.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return Result{Took: time.Since(start)}, err
	}
	head := readHead(resp.Body)
	return Result{StatusCode: resp.StatusCode, Header: resp.Header, Head: head, Took: time.Since(start)}, nil
}

// readHead reads a body to its end, so that the connection can be used again,
// but no more than MaxBody of it, and keeps the first bytes. Errors do not
// matter: the status has come and the text is for people to look at.
func readHead(body io.ReadCloser) []byte {
	head, err := io.ReadAll(io.LimitReader(body, KeptBody))
	if err == nil {
		_, _ = io.CopyN(io.Discard, body, MaxBody-KeptBody+1)
	}
	_ = body.Close() // after a partial read this drops the connection, as it should
	return head
}

// Check is the check of a URL before it is saved: its text, the scheme that the
// mode wants, and where its host leads now. The error is a *URLError or a
// *Refused. It is a hint; Do judges again.
func (c *Client) Check(ctx context.Context, raw string) error {
	u, err := CheckURL(raw)
	if err != nil {
		return err
	}
	if err := c.judge.checkScheme(u); err != nil {
		return err
	}
	port, err := portOf(u)
	if err != nil {
		return err
	}
	return c.CheckHost(ctx, u.Hostname(), port)
}

// CheckHost refuses a literal address that the policy refuses and a name that
// leads to such addresses only. A name that cannot be looked up now is not
// refused: it may come to exist later.
func (c *Client) CheckHost(ctx context.Context, host, port string) error {
	host = strings.TrimSuffix(host, ".")
	if a, err := netip.ParseAddr(host); err == nil {
		return c.judge.check(host, port, a)
	}
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	addrs, err := c.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil // no name, no refusal
	}
	var first error
	for _, a := range addrs {
		err := c.judge.check(host, port, a)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}
