package safehttp

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
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
	Split      Split
	Address    string    // the address that answered or was tried last, "ip:port"; InsideAddress for this program
	TLS        string    // version, such as "TLS 1.3"; empty without
	CertEnds   time.Time // until when the receiver's certificate is good; from Probe alone
}

// Options are what may differ from call to call.
type Options struct {
	Timeout time.Duration // 0 means CallTimeout
	// SkipVerify accepts any certificate.
	SkipVerify bool
}

// Client makes calls under one policy, which does not change. It is safe for
// concurrent use.
type Client struct {
	judge     *judge
	resolver  *net.Resolver
	transport *http.Transport
	trusting  *http.Transport // accepts any certificate
	inside    Inside
	timeout   time.Duration
}

// New makes a Client. It keeps idle connections; Close ends them.
func New(p Policy) *Client {
	c := &Client{judge: newJudge(p), resolver: &net.Resolver{PreferGo: true}, inside: p.Inside, timeout: CallTimeout}
	c.transport, c.trusting = c.newTransport(false), c.newTransport(true)
	return c
}

func (c *Client) newTransport(skipVerify bool) *http.Transport {
	t := &http.Transport{
		Proxy:                  nil, // an environment variable must not reroute signed calls
		DialContext:            c.dial,
		TLSHandshakeTimeout:    TLSTimeout,
		MaxResponseHeaderBytes: MaxHeader,
		DisableCompression:     true, // nothing is unpacked, so nothing can blow up
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        60 * time.Second,
	}
	if skipVerify {
		t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} // a person asked for it, for this webhook
	}
	return t
}

// Close ends the idle connections.
func (c *Client) Close() {
	c.transport.CloseIdleConnections()
	c.trusting.CloseIdleConnections()
}

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

// Do is Call without options.
func (c *Client) Do(ctx context.Context, req *http.Request) (Result, error) {
	return c.Call(ctx, req, Options{})
}

// Call makes one call and reads its answer within the limits. Any status is a
// Result, redirects too. An answer whose status came but whose body did not
// end in time or in size is a Result as well: the body is only looked at. The
// error is a *URLError or *Refused in its chain where the policy spoke; where
// the time went is in the Result all the same.
func (c *Client) Call(ctx context.Context, req *http.Request, opts Options) (Result, error) {
	if req.URL.User != nil {
		return Result{}, fault(FaultCredentials)
	}
	if c.isInside(ctx, req.URL) {
		return c.callInside(ctx, req)
	}
	if err := c.judge.checkScheme(req.URL); err != nil {
		return Result{}, err
	}
	timeout, transport := c.timeout, c.transport
	if opts.Timeout > 0 {
		timeout = opts.Timeout
	}
	if opts.SkipVerify {
		transport = c.trusting
	}
	watch := newStopwatch()
	ctx, cancel := context.WithTimeout(httptrace.WithClientTrace(ctx, watch.trace()), timeout)
	defer cancel()
	// The transport itself is used, not http.Client: that one follows or at
	// least reads redirects and adds credentials from the URL.
	resp, err := transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return watch.result(), err
	}
	head := readHead(resp.Body)
	res := watch.result()
	res.StatusCode, res.Header, res.Head = resp.StatusCode, resp.Header, head
	if resp.TLS != nil {
		res.TLS = tls.VersionName(resp.TLS.Version)
	}
	return res, nil
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
	if c.isInside(ctx, u) {
		return nil
	}
	if err := c.judgeFor(ctx).checkScheme(u); err != nil {
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
	judge := c.judgeFor(ctx)
	if a, err := netip.ParseAddr(host); err == nil {
		return judge.check(host, port, a)
	}
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	addrs, err := c.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil // no name, no refusal
	}
	var first error
	for _, a := range addrs {
		err := judge.check(host, port, a)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}
