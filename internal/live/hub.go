package live

import (
	"errors"
	"sync"
	"time"
)

// Signal is one signal on its way to a page.
type Signal struct {
	Name string
	ID   uint64 // counts up over all signals; the id of the server-sent event
}

// Options are the limits of a Hub; zero values take the defaults.
type Options struct {
	Max   int           // subscribers at most; default 200
	Queue int           // signals that may wait for one subscriber; default 32
	Ring  int           // signals kept for subscribers that come back; default 256
	Gap   time.Duration // least time between two signals of one name; default 250 ms

	// Last is the id before the first signal. Each life of the process must begin
	// above all ids of the one before: a page that comes back with an id of that
	// one is then told to fetch everything again.
	Last uint64
}

// Errors of Subscribe.
var (
	ErrFull   = errors.New("too many open pages")
	ErrClosed = errors.New("the hub is closed")
)

// Hub spreads signals to the open pages. It never waits for a page: one that
// does not read loses its signals and is told to fetch everything again.
type Hub struct {
	opts Options

	mu     sync.Mutex
	subs   map[*Subscription]struct{}
	ring   []Signal
	next   uint64
	paces  map[string]*pace
	closed bool
	timers sync.WaitGroup // timers that may still run gapOver
}

// pace holds back signals of one name that come too fast; the last one is
// always sent.
type pace struct {
	timer *time.Timer
	again bool
}

// NewHub makes a Hub.
func NewHub(opts Options) *Hub {
	set := func(n *int, def int) {
		if *n == 0 {
			*n = def
		}
	}
	set(&opts.Max, 200)
	set(&opts.Queue, 32)
	set(&opts.Ring, 256)
	if opts.Gap == 0 {
		opts.Gap = 250 * time.Millisecond
	}
	return &Hub{opts: opts, next: opts.Last, subs: make(map[*Subscription]struct{}), paces: make(map[string]*pace)}
}

// Publish sends signals to all subscribers. It never blocks.
func (h *Hub) Publish(names ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	for _, name := range names {
		if p := h.paces[name]; p != nil {
			p.again = true
			continue
		}
		h.send(name)
		h.timers.Add(1)
		h.paces[name] = &pace{timer: time.AfterFunc(h.opts.Gap, func() { h.gapOver(name) })}
	}
}

// gapOver sends the signal that was held back, or forgets the name.
func (h *Hub) gapOver(name string) {
	defer h.timers.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.paces[name]
	if h.closed || p == nil {
		return
	}
	if !p.again {
		delete(h.paces, name)
		return
	}
	p.again = false
	h.send(name)
	h.timers.Add(1)
	p.timer.Reset(h.opts.Gap)
}

func (h *Hub) send(name string) {
	h.next++
	sig := Signal{Name: name, ID: h.next}
	h.ring = append(h.ring, sig)
	if len(h.ring) > h.opts.Ring {
		h.ring = append(h.ring[:0], h.ring[len(h.ring)-h.opts.Ring:]...)
	}
	for sub := range h.subs {
		sub.offer(sig)
	}
}

// Subscribe opens a subscription for signals from now on; ErrFull, ErrClosed.
func (h *Hub) Subscribe() (*Subscription, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.subscribe()
}

// SubscribeFrom opens a subscription that goes on after the signal last; when
// that one is too long ago, it begins with SignalResync.
func (h *Hub) SubscribeFrom(last uint64) (*Subscription, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sub, err := h.subscribe()
	if err != nil {
		return nil, err
	}
	missed := h.after(last)
	if missed == nil || len(missed) > h.opts.Queue {
		sub.offer(Signal{Name: SignalResync, ID: h.next})
		return sub, nil
	}
	for _, sig := range missed {
		sub.offer(sig)
	}
	return sub, nil
}

// after gives the kept signals after last, nil when some are no longer kept or
// last is from another life of the process.
func (h *Hub) after(last uint64) []Signal {
	oldest := h.next - uint64(len(h.ring)) // the id before the oldest kept one
	if last > h.next || last < oldest {
		return nil
	}
	return append(make([]Signal, 0), h.ring[last-oldest:]...)
}

func (h *Hub) subscribe() (*Subscription, error) {
	if h.closed {
		return nil, ErrClosed
	}
	if len(h.subs) >= h.opts.Max {
		return nil, ErrFull
	}
	sub := &Subscription{hub: h, ch: make(chan Signal, h.opts.Queue)}
	h.subs[sub] = struct{}{}
	return sub, nil
}

// Last is the id of the newest signal, Options.Last before the first. A page
// that notes it before it reads what it shows can be told of everything since.
func (h *Hub) Last() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next
}

// Len is how many subscriptions are open.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs)
}

// Close ends all subscriptions and returns once no timer of the hub runs any
// more. It may be called twice.
func (h *Hub) Close() {
	h.end()
	h.timers.Wait()
}

func (h *Hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	for _, p := range h.paces {
		if p.timer.Stop() {
			h.timers.Done()
		}
	}
	for sub := range h.subs {
		close(sub.ch)
	}
	h.subs = make(map[*Subscription]struct{})
}

// Subscription is one open page.
type Subscription struct {
	hub *Hub
	ch  chan Signal
}

// C brings the signals; it is closed when the hub closes or Close is called.
func (s *Subscription) C() <-chan Signal { return s.ch }

// Close ends the subscription. It may be called twice, and after the hub.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if _, open := s.hub.subs[s]; open {
		delete(s.hub.subs, s)
		close(s.ch)
	}
}

// offer queues a signal. When the queue is full, everything in it is replaced
// by one SignalResync: fetching all once is cheaper than catching up. The
// hub's lock is held, so nobody else sends.
func (s *Subscription) offer(sig Signal) {
	select {
	case s.ch <- sig:
		return
	default:
	}
	for {
		select {
		case <-s.ch:
			continue
		default:
		}
		break
	}
	s.ch <- Signal{Name: SignalResync, ID: sig.ID}
}
