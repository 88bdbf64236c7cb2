package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"pombal/internal/problem"
	"pombal/internal/safehttp"
)

// MaxFile is how many bytes a file may have.
const MaxFile = 100 << 20

// Files that are on disk at the same time, and how long one waits for a place
// among them.
const (
	maxFiles  = 8
	placeWait = 10 * time.Second
)

// pattern names our files, so that those an earlier process left are found.
const pattern = "media-*.tmp"

// Web fetches files; *safehttp.Client is the real one.
type Web interface {
	Get(ctx context.Context, url string, limit int64) (*safehttp.Download, error)
}

// Desk is where files come in. It is safe for concurrent use.
type Desk struct {
	dir    string
	web    Web
	max    int64
	places chan struct{}
}

// NewDesk makes a Desk that keeps its files in dir, which is made if need be.
// It removes what an earlier process left there.
func NewDesk(dir string, web Web) (*Desk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder for media: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil, fmt.Errorf("folder for media: %w", err)
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return nil, fmt.Errorf("remove media of an earlier process: %w", err)
		}
	}
	return &Desk{dir: dir, web: web, max: MaxFile, places: make(chan struct{}, maxFiles)}, nil
}

// Fetch gets the file at an address. problem.Invalid names the field "url";
// problem.TooMany when there are too many files already. The file must be
// closed.
func (d *Desk) Fetch(ctx context.Context, url string) (*File, error) {
	if err := d.enter(ctx); err != nil {
		return nil, err
	}
	f, err := d.fetch(ctx, url)
	if err != nil {
		<-d.places
		return nil, fetchError(err)
	}
	return f, nil
}

func (d *Desk) fetch(ctx context.Context, url string) (*File, error) {
	got, err := d.web.Get(ctx, url, d.max)
	if err != nil {
		return nil, err
	}
	defer func() { _ = got.Body.Close() }() // it was read or given up
	name := ""
	if _, params, err := mime.ParseMediaType(got.Header.Get("Content-Disposition")); err == nil {
		name = params["filename"]
	}
	if name == "" {
		if name = path.Base(got.URL.Path); name == "/" || name == "." {
			name = ""
		}
	}
	return d.store(got.Body, name)
}

// Take keeps an upload. problem.Invalid names the field "file"; problem.TooMany
// when there are too many files already. The file must be closed.
func (d *Desk) Take(ctx context.Context, r io.Reader, name string) (*File, error) {
	if err := d.enter(ctx); err != nil {
		return nil, err
	}
	f, err := d.store(io.LimitReader(r, d.max+1), name)
	if err == nil && f.Size > d.max {
		f.remove()
		err = safehttp.ErrTooLarge
	}
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, safehttp.ErrTooLarge):
		err = problem.InvalidField("file", "error.media_large", "max", MaxFile>>20)
	case errors.Is(err, errEmpty):
		err = problem.InvalidField("file", "error.media_empty")
	}
	<-d.places
	return nil, err
}

// enter takes a place, which File.Close gives back.
func (d *Desk) enter(ctx context.Context) error {
	timer := time.NewTimer(placeWait)
	defer timer.Stop()
	select {
	case d.places <- struct{}{}:
		return nil
	case <-timer.C:
		err := problem.New(problem.TooMany, "error.media_busy")
		err.RetryAfter = placeWait
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errEmpty = errors.New("the file is empty")

// errDisk marks what went wrong on our side.
var errDisk = errors.New("keep a file")

// store writes a file to disk and looks into it.
func (d *Desk) store(r io.Reader, name string) (*File, error) {
	disk, err := os.CreateTemp(d.dir, pattern)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDisk, err)
	}
	f := &File{File: disk, desk: d, Name: CleanName(name)}
	if f.Size, err = io.Copy(diskWriter{disk}, r); err == nil && f.Size == 0 {
		err = errEmpty
	}
	if err == nil {
		err = f.inspect()
	}
	if err != nil {
		f.remove()
		return nil, err
	}
	return f, nil
}

// diskWriter tells failures of the disk from those of the network.
type diskWriter struct{ w io.Writer }

// Write writes to disk.
func (d diskWriter) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", errDisk, err)
	}
	return n, err
}

// fetchError says what people can do about a file that could not be fetched.
// The address is not repeated: it may hold a secret.
func fetchError(err error) error {
	const field = "url"
	var bad *safehttp.URLError
	var refused *safehttp.Refused
	var status *safehttp.StatusError
	switch {
	case errors.As(err, &bad):
		return problem.InvalidField(field, "error.url_"+string(bad.Fault), "max", safehttp.MaxURL)
	case errors.As(err, &refused):
		class := strings.ReplaceAll(string(refused.Class), "-", "_")
		return problem.InvalidField(field, "error.url_refused_"+class, "address", refused.Addr.String())
	case errors.As(err, &status):
		return problem.InvalidField(field, "error.media_status", "code", status.Code)
	case errors.Is(err, safehttp.ErrTooLarge):
		return problem.InvalidField(field, "error.media_large", "max", MaxFile>>20)
	case errors.Is(err, errEmpty):
		return problem.InvalidField(field, "error.media_empty")
	case errors.Is(err, errDisk), errors.Is(err, context.Canceled):
		return err
	default:
		return problem.InvalidField(field, "error.media_unreachable")
	}
}
