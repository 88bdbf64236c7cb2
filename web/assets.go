package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/static"
)

// asset sends a file that browsers may keep for ever: its address holds a hash
// of its content.
func (s *Server) asset(r *request) error {
	a, found := static.Open(r.Params("hash"), r.Params("*"))
	if !found {
		return fiber.ErrNotFound
	}
	r.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	r.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	r.Set(fiber.HeaderContentType, a.ContentType)
	body, tag := a.Bytes, a.ETag
	if a.Gzip != nil && acceptsGzip(r) {
		body, tag = a.Gzip, a.GzipETag()
		r.Set(fiber.HeaderContentEncoding, "gzip")
	}
	r.Set(fiber.HeaderETag, tag)
	if known := r.Get(fiber.HeaderIfNoneMatch); known != "" && strings.Contains(known, tag) {
		r.Response().Header.Del(fiber.HeaderContentEncoding)
		r.Status(fiber.StatusNotModified)
		return nil
	}
	return r.Send(body)
}
