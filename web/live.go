package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/live"
	"pombal/internal/problem"
)

// How many streams may be open. A browser opens one for each page it shows, and
// that it left a page is noticed only when something is written to it.
const (
	streamsPerSession = 8
	streamsInAll      = 200
)

// streamPace is how a stream spends its time.
type streamPace struct {
	comment time.Duration // a silent stream is cut by proxies, and a lost reader is noticed by writing
	check   time.Duration // how long a session that ended elsewhere may keep listening
	age     time.Duration // then the browser comes again
	flush   time.Duration // a reader that takes longer than this is gone
}

func defaultPace() streamPace {
	return streamPace{comment: 15 * time.Second, check: time.Minute, age: 30 * time.Minute, flush: 10 * time.Second}
}

// streamCounter counts open streams.
type streamCounter struct {
	mu        sync.Mutex
	bySession map[string][]*place // oldest first
	all       int
}

// place is that of one stream among those of its session.
type place struct {
	session string
	gone    chan struct{} // closed when a newer stream takes the place
}

// enter counts a stream in; ok is false when there are too many in all. A
// session that has as many as it may loses its oldest one: most likely nobody
// looks at that page any more.
func (c *streamCounter) enter(session string) (p *place, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.bySession[session]
	if len(own) >= streamsPerSession {
		close(own[0].gone)
		own = own[1:]
		c.all--
	}
	if c.all >= streamsInAll {
		c.keep(session, own)
		return nil, false
	}
	p = &place{session: session, gone: make(chan struct{})}
	c.keep(session, append(own, p))
	c.all++
	return p, true
}

// leave counts a stream out.
func (c *streamCounter) leave(p *place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.bySession[p.session]
	if i := slices.Index(own, p); i >= 0 {
		c.keep(p.session, slices.Delete(own, i, i+1))
		c.all--
	}
}

// keep is called with the lock held.
func (c *streamCounter) keep(session string, own []*place) {
	if c.bySession == nil {
		c.bySession = make(map[string][]*place)
	}
	if len(own) == 0 {
		delete(c.bySession, session)
		return
	}
	c.bySession[session] = own
}

// live opens the stream of signals. Every refusal has an empty body and none is
// a redirect: the browser's stream client takes any page for a stream that
// ended at once, and comes back without a pause.
func (s *Server) live(r *request) error {
	place, ok := s.streams.enter(r.session.ID)
	if !ok {
		return problem.New(problem.TooMany, "error.too_many")
	}
	sub, err := s.subscribe(r)
	if err != nil {
		s.streams.leave(place)
		if errors.Is(err, live.ErrClosed) {
			return problem.Wrap(err, problem.Unavailable, "error.shutting_down")
		}
		return problem.Wrap(err, problem.TooMany, "error.too_many")
	}
	r.Set(fiber.HeaderContentType, "text/event-stream; charset=utf-8")
	r.Set("X-Accel-Buffering", "no")
	st := &liveStream{server: s, place: place, sub: sub, conn: r.Context().Conn(), token: r.token, request: r.id}
	// The writer runs after this handler has returned, so it must not touch r.
	r.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer s.streams.leave(place)
		defer sub.Close()
		st.w = w
		st.run()
	})
	return nil
}

// subscribe continues where the browser's last stream ended, or where its page
// began, as far as the hub remembers.
func (s *Server) subscribe(r *request) (*live.Subscription, error) {
	for _, text := range []string{r.Get("Last-Event-ID"), r.Query("since")} {
		if last, err := strconv.ParseUint(text, 10, 64); err == nil {
			return s.Hub.SubscribeFrom(last)
		}
	}
	return s.Hub.Subscribe()
}

// liveStream writes one stream.
type liveStream struct {
	server  *Server
	place   *place
	sub     *live.Subscription
	conn    net.Conn
	w       *bufio.Writer
	token   string
	request string
}

// errStreamOver ends a stream without anything being wrong.
var errStreamOver = errors.New("stream over")

// run writes until the reader is gone, the session ends, the hub closes or the
// stream is old. It catches its own panics: fasthttp does not, and the whole
// process would end.
func (st *liveStream) run() {
	defer func() {
		if p := recover(); p != nil {
			st.server.Log.Error("panic in a stream", "request", st.request, "panic", fmt.Sprint(p),
				"stack", string(debug.Stack()))
		}
	}()
	pace := st.server.pace
	comment, check := time.NewTicker(pace.comment), time.NewTicker(pace.check)
	age := time.NewTimer(pace.age)
	defer comment.Stop()
	defer check.Stop()
	defer age.Stop()
	// Sent at once, so that proxies open their side.
	err := st.send("retry: 2000\n\n")
	for err == nil {
		select {
		case sig, open := <-st.sub.C():
			if !open {
				return
			}
			err = st.signals(sig)
		case <-comment.C:
			err = st.send(": k\n\n")
		case <-check.C:
			err = st.checkSession()
		case <-st.place.gone:
			// The page, if there still is one, asks by the clock from now on.
			err = errors.Join(st.send("event: "+live.SignalReplaced+"\ndata: 1\n\n"), errStreamOver)
		case <-age.C:
			return
		}
	}
}

// signals writes a signal and all that wait behind it with one flush.
func (st *liveStream) signals(sig live.Signal) error {
	var text strings.Builder
	text.WriteString(formatSignal(sig))
	for {
		select {
		case next, open := <-st.sub.C():
			if open {
				text.WriteString(formatSignal(next))
				continue
			}
		default:
		}
		return st.send(text.String())
	}
}

// formatSignal is a signal as an event of the stream. An event without data
// would not be dispatched.
func formatSignal(sig live.Signal) string {
	text := "event: " + sig.Name + "\ndata: 1\n\n"
	if sig.ID != 0 {
		text = "id: " + strconv.FormatUint(sig.ID, 10) + "\n" + text
	}
	return text
}

// checkSession ends the stream of somebody who is not signed in any more. It
// does not count as somebody being there.
func (st *liveStream) checkSession() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _, err := st.server.Auth.Resume(ctx, st.token, false)
	if problem.KindOf(err) != problem.Unauthorized {
		return nil // a store that is busy for a moment signs nobody out
	}
	if err := st.send("event: " + live.SignalSessionExpired + "\ndata: 1\n\n"); err != nil {
		return err
	}
	return errStreamOver
}

// send writes and flushes. Each flush has a deadline of its own: the server's
// would cut every stream that is older than it.
func (st *liveStream) send(text string) error {
	if err := st.conn.SetWriteDeadline(time.Now().Add(st.server.pace.flush)); err != nil {
		return err
	}
	if _, err := st.w.WriteString(text); err != nil {
		return err
	}
	return st.w.Flush()
}
