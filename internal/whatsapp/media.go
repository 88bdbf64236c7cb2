package whatsapp

import (
	"fmt"
	"io"
	"net/http"
)

// maxMedia is the most that is read of an answer of WhatsApp's media servers:
// the library reads them to the end whatever comes.
const maxMedia = 100 << 20

// limitBodies makes a client whose answers end with an error after limit bytes.
func limitBodies(c *http.Client, limit int64) *http.Client {
	limited := *c
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	limited.Transport = limitedTransport{next: next, limit: limit}
	return &limited
}

type limitedTransport struct {
	next  http.RoundTripper
	limit int64
}

// RoundTrip makes a request; reading its answer ends at the limit.
func (t limitedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > t.limit {
		return nil, closeWith(resp, fmt.Errorf("%w: %d bytes", errTooLarge, resp.ContentLength))
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: t.limit}
	return resp, nil
}

func closeWith(resp *http.Response, err error) error {
	_ = resp.Body.Close() // err says more
	return err
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

// Read reads on until more than the limit has come.
func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errTooLarge
	}
	return n, err
}
