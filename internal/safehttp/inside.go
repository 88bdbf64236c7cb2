package safehttp

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Inside is the part of this program that calls may reach: it is handed the
// call in this process. No connection is made, so the refusal of the own
// address holds for every connection there is.
type Inside struct {
	// Prefix is what the path of such a URL begins with; empty switches this
	// off.
	Prefix string
	// Hosts are further names of this program, "host" or "host:port", beside the
	// addresses in Policy.Own.
	Hosts []string
	// Handle takes a call and gives the status and text of its answer.
	Handle func(ctx context.Context, req *http.Request, body []byte) (status int, text string)
}

// InsideAddress stands in Result.Address for a call that did not leave this
// program.
const InsideAddress = "inside"

// isInside says whether a URL leads to Inside.
func (c *Client) isInside(ctx context.Context, u *url.URL) bool {
	if c.inside.Handle == nil || c.inside.Prefix == "" || !strings.HasPrefix(u.Path, c.inside.Prefix) ||
		(u.Scheme != "http" && u.Scheme != "https") {
		return false
	}
	for _, host := range c.inside.Hosts {
		if strings.EqualFold(host, u.Host) {
			return true
		}
	}
	port, err := portOf(u)
	if err != nil {
		return false
	}
	return c.isOwnHost(ctx, strings.TrimSuffix(u.Hostname(), "."), port)
}

func (c *Client) isOwnHost(ctx context.Context, host, port string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return c.judge.isOwn(port, inner(a))
	}
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	addrs, err := c.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if c.judge.isOwn(port, inner(a)) {
			return true
		}
	}
	return false
}

// callInside hands a call over.
func (c *Client) callInside(ctx context.Context, req *http.Request) (Result, error) {
	start := time.Now()
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return Result{}, err
		}
	}
	status, text := c.inside.Handle(ctx, req, body)
	took := time.Since(start)
	return Result{
		StatusCode: status, Header: http.Header{}, Head: []byte(text[:min(len(text), KeptBody)]), Took: took,
		Split: Split{FirstByte: took}, Address: InsideAddress,
	}, nil
}
