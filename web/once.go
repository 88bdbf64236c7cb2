package web

import (
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// opsFor is how long a form that was sent is remembered, and opsMax how many.
const (
	opsFor = 10 * time.Minute
	opsMax = 1000
)

// ops remembers which forms were sent, so that a double click acts once.
type ops struct {
	mu   sync.Mutex
	done map[string]*op
}

// op is a form that was sent: being worked on until done is closed.
type op struct {
	done chan struct{}
	at   time.Time
	to   string // where the first answer led; "" when it failed
}

// begin says whether the caller is the first to send this form. The others get
// what the first one is doing.
func (o *ops) begin(key string, now time.Time) (*op, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if one, found := o.done[key]; found {
		return one, false
	}
	if o.done == nil {
		o.done = make(map[string]*op)
	}
	for k, one := range o.done {
		if now.Sub(one.at) > opsFor || len(o.done) >= opsMax {
			delete(o.done, k)
		}
	}
	one := &op{done: make(chan struct{}), at: now}
	o.done[key] = one
	return one, true
}

// end notes where the answer led. A form that was refused can be sent again.
func (o *ops) end(key string, one *op, to string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	one.to = to
	if to == "" && o.done[key] == one {
		delete(o.done, key)
	}
	close(one.done)
}

// actOnce lets a form that names itself act once. Whoever sends it again gets
// led to where the first answer led.
func (s *Server) actOnce(r *request, handle func(*request) error) error {
	name := ""
	if r.route.is(oneTime) {
		name = readForm(r).text("_op")
	}
	if name == "" || len(name) > 64 {
		return handle(r)
	}
	key := r.session.ID + " " + r.Path() + " " + name
	one, first := s.ops.begin(key, s.Now())
	if first {
		to := ""
		defer func() { s.ops.end(key, one, to) }()
		err := handle(r)
		if err == nil && !r.again {
			to = ledTo(r)
		}
		return err
	}
	select {
	case <-one.done:
	case <-r.UserContext().Done():
		return r.UserContext().Err()
	}
	if one.to == "" {
		return s.actOnce(r, handle)
	}
	return s.redirectWith(r, one.to, info("done.already"))
}

// ledTo is where an answer leads: the page it redirects to, or, when it shows
// something once, the page that the form stands on. "" for a refusal.
func ledTo(r *request) string {
	switch status := r.Response().StatusCode(); {
	case len(r.Response().Header.Peek("HX-Redirect")) > 0:
		return string(r.Response().Header.Peek("HX-Redirect"))
	case status == fiber.StatusSeeOther:
		return string(r.Response().Header.Peek(fiber.HeaderLocation))
	case status == fiber.StatusOK:
		return cameFrom(r)
	default:
		return ""
	}
}
