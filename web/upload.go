package web

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"pombal/internal/auth"
	"pombal/internal/media"
	"pombal/internal/problem"
)

// Limits of uploads, which alone may have large bodies. The server reads a body
// before it looks for a route: up to 16 MiB of a form in memory, the rest into
// files of the system's temporary folder.
const (
	uploadLimit   = media.MaxFile + 64<<10 // the other fields of the form
	uploadTimeout = 2 * time.Minute
	maxUploads    = 4 // at a time, in the process
)

// uploads counts the uploads that are being read or worked on, by the header of
// their request, which is one object from its arrival to its answer. One whose
// connection broke is counted until it would have timed out.
type uploads struct {
	mu    sync.Mutex
	until map[*fasthttp.RequestHeader]time.Time
}

// begin takes a place; false when there is none.
func (u *uploads) begin(h *fasthttp.RequestHeader, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.until == nil {
		u.until = make(map[*fasthttp.RequestHeader]time.Time)
	}
	for other, end := range u.until {
		if now.After(end) {
			delete(u.until, other)
		}
	}
	if _, again := u.until[h]; !again && len(u.until) >= maxUploads {
		return false
	}
	u.until[h] = now.Add(uploadTimeout)
	return true
}

// end gives a place back, if the request has one.
func (u *uploads) end(h *fasthttp.RequestHeader) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.until, h)
}

// isUpload says whether a path is one that takes files.
func isUpload(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	return strings.HasPrefix(path, "/api/v2/instance/") && strings.HasSuffix(strings.TrimSuffix(path, "/"), "/send/media-file")
}

// mayUpload says whether the large body of a request is going to be read: a
// form of known length, from somebody with a good credential, while there is a
// place. What the credential opens is looked at later, as with every request.
func (s *Server) mayUpload(h *fasthttp.RequestHeader) bool {
	return wantsUpload(h) && h.ContentLength() <= uploadLimit && s.knowsCaller(h) && s.uploads.begin(h, s.Now())
}

// wantsUpload says whether a request has a body that only uploads may have.
func wantsUpload(h *fasthttp.RequestHeader) bool {
	return isUpload(string(h.RequestURI())) && h.ContentLength() > apiLimit &&
		len(h.MultipartFormBoundary()) > 0 && len(h.Peek(fiber.HeaderContentEncoding)) == 0
}

func (s *Server) knowsCaller(h *fasthttp.RequestHeader) bool {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	return s.codes.Knows(ctx, string(h.Peek(fiber.HeaderAuthorization)), string(h.Peek("apikey")))
}

// refusedUpload says why the body of an upload was not read; err when it was
// something else.
func (s *Server) refusedUpload(c *fiber.Ctx, err error) error {
	h := &c.Context().Request.Header
	s.uploads.end(h)
	if err != fiber.ErrRequestEntityTooLarge || !wantsUpload(h) || h.ContentLength() > uploadLimit {
		return err
	}
	lingerOn(c)
	if !s.knowsCaller(h) {
		return auth.ErrUnauthorized
	}
	busy := problem.New(problem.TooMany, "error.media_busy")
	busy.RetryAfter = placeAgain
	return busy
}

// placeAgain is when an upload that found no place may be tried again.
const placeAgain = 10 * time.Second
