package safehttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// The limits of a download.
const (
	FetchTimeout = 60 * time.Second // for all of it
	MaxRedirects = 3
)

// ErrTooLarge ends a Download that has more bytes than were asked for.
var ErrTooLarge = errors.New("the file is larger than allowed")

// StatusError says that an address answered with something else than a file.
type StatusError struct{ Code int }

// Error tells the status.
func (e *StatusError) Error() string { return fmt.Sprintf("the address answered %d", e.Code) }

// Download is a file that is being fetched. Body must be closed; it ends with
// ErrTooLarge after the most bytes that were asked for.
type Download struct {
	Body   io.ReadCloser
	Header http.Header
	URL    *url.URL // where it came from in the end
}

// Get fetches a file of at most limit bytes. Unlike Call it follows a few
// redirects, because addresses of files are often such: each target is judged
// as if it had been typed in, and none leads from https to http. Nothing is
// sent that the first address could give to the next one. Errors are a
// *URLError, a *Refused, a *StatusError or ErrTooLarge in their chain, or what
// went wrong on the network; ctx and FetchTimeout end the reading too.
func (c *Client) Get(ctx context.Context, raw string, limit int64) (*Download, error) {
	u, err := CheckURL(raw)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, FetchTimeout)
	for range MaxRedirects + 1 {
		resp, err := c.get(ctx, u)
		if err != nil {
			cancel()
			return nil, err
		}
		if resp.StatusCode == http.StatusOK && resp.Header.Get("Content-Encoding") == "" && resp.ContentLength <= limit {
			body := &limitedBody{ReadCloser: resp.Body, left: limit, done: cancel}
			return &Download{Body: body, Header: resp.Header, URL: u}, nil
		}
		_ = resp.Body.Close() // what was not asked for is not read
		if u, err = next(u, resp, limit); err != nil {
			cancel()
			return nil, err
		}
	}
	cancel()
	return nil, &StatusError{Code: http.StatusLoopDetected}
}

func (c *Client) get(ctx context.Context, u *url.URL) (*http.Response, error) {
	if err := c.judge.checkScheme(u); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	req.Header.Set("User-Agent", "Pombal")
	return c.transport.RoundTrip(req)
}

// next is where a redirect leads, or why the answer is not the file.
func next(from *url.URL, resp *http.Response, limit int64) (*url.URL, error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	case http.StatusOK:
		if resp.ContentLength > limit {
			return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, resp.ContentLength)
		}
		return nil, &StatusError{Code: http.StatusUnsupportedMediaType} // packed, though nobody asked for that
	default:
		return nil, &StatusError{Code: resp.StatusCode}
	}
	to, err := from.Parse(resp.Header.Get("Location"))
	if err != nil {
		return nil, fault(FaultInvalid)
	}
	to.Fragment, to.RawFragment = "", ""
	if from.Scheme == "https" && to.Scheme != "https" {
		return nil, fault(FaultHTTPS)
	}
	return CheckURL(to.String())
}

// limitedBody gives an error in place of what is too much.
type limitedBody struct {
	io.ReadCloser
	left int64
	done func()
}

// Read reads on until more than the limit has come.
func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// Close ends the download.
func (b *limitedBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}
