package web

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/instance"
)

// qrPicture is the code as a picture. A code that is not live any more is never
// shown: a person who scans a dead code blames the phone.
func (s *Server) qrPicture(r *request) error { return s.sendPicture(r, r.Params("id")) }

func (s *Server) sendPicture(r *request, id string) error {
	p, live := s.Instances.Pairing(id)
	if in, err := s.Instances.Get(r.UserContext(), id); err == nil && in.Status.Phase.Online() {
		return s.noCode(r)
	}
	if !live || !s.Now().Before(p.ExpiresAt) {
		s.pngs.forget(id)
		r.Status(fiber.StatusNotFound)
		return nil
	}
	if n := r.Query("n"); n != "" && n != strconv.FormatUint(p.Seq, 10) {
		r.Status(fiber.StatusGone)
		return nil
	}
	png, err := s.pngs.get(id, p.Code, s.QRPNG)
	if err != nil {
		return err
	}
	r.Set(fiber.HeaderContentType, "image/png")
	return r.Send(png)
}

// noCode refuses the picture of a connected instance: in words to somebody who
// opened its address, without any to a page.
func (s *Server) noCode(r *request) error {
	if strings.Contains(r.Get(fiber.HeaderAccept), fiber.MIMETextHTML) {
		return s.failPage(r, instance.ErrConnected, 0)
	}
	return instance.ErrConnected
}

// pngCache keeps the picture of the code that each instance shows now, so that
// it is drawn once for all who look.
type pngCache struct {
	mu       sync.Mutex
	pictures map[string]picture
}

type picture struct {
	code string
	png  []byte
}

// get gives the picture of code. Drawing under the lock takes some milliseconds
// and keeps viewers that come at once from drawing the same.
func (c *pngCache) get(id, code string, draw func(string) ([]byte, error)) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, drawn := c.pictures[id]; drawn && p.code == code {
		return p.png, nil
	}
	png, err := draw(code)
	if err != nil {
		return nil, fmt.Errorf("draw the code of %s: %w", id, err)
	}
	if c.pictures == nil {
		c.pictures = make(map[string]picture)
	}
	c.pictures[id] = picture{code: code, png: png}
	return png, nil
}

// forget drops the picture of an instance.
func (c *pngCache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pictures, id)
}
