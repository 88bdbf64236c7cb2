package web

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/live"
)

// SetPace makes the streams of a server hurry.
func (s *Server) SetPace(comment, check, age, flush time.Duration) {
	s.pace = streamPace{comment: comment, check: check, age: age, flush: flush}
}

// Streams is how many streams are open.
func (s *Server) Streams() int {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	return s.streams.all
}

// App is the server's fiber app, for walking its table.
func (s *Server) App() *fiber.App { return s.app }

// Declared is the list of routes: method, path and right.
func (s *Server) Declared() [][3]string {
	var list [][3]string
	for _, rt := range s.routes() {
		list = append(list, [3]string{rt.method, rt.path, string(rt.right)})
	}
	return list
}

// SafeNext is safeNext.
func SafeNext(text string) string { return safeNext(text) }

// FormatSignal is formatSignal.
func FormatSignal(sig live.Signal) string { return formatSignal(sig) }
