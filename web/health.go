package web

import "github.com/gofiber/fiber/v2"

// health says that the process runs.
func (s *Server) health(r *request) error { return r.SendString("ok\n") }

// ready says whether the process can serve. Why not stands in the log alone.
func (s *Server) ready(r *request) error {
	if err := s.storage(); err != nil {
		s.Log.Warn("not ready", "request", r.id, "error", err.Error())
		return r.Status(fiber.StatusServiceUnavailable).SendString("not ready\n")
	}
	return r.SendString("ready\n")
}

// storage says why the process cannot serve; nil when it can.
func (s *Server) storage() error {
	if s.Ready == nil {
		return nil
	}
	return s.Ready()
}
