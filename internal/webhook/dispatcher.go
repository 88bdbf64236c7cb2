package webhook

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// The limits of a Dispatcher.
const (
	// maxLanes is how many receivers are called at the same time at most.
	maxLanes = 256
	// turnTime is after what time a lane gives its place to one that waits.
	turnTime = time.Second
	// storeWait is the wait after a failure of the store.
	storeWait = time.Second
	// sweepEvery is how often all lanes are looked at, whoever forgot to wake.
	sweepEvery = time.Minute
	// closeGrace is how long attempts may go on after Close was called.
	closeGrace = 5 * time.Second
	// stoppedLook is how often a webhook that was stopped is looked at, to drop
	// what has waited too long.
	stoppedLook = 10 * time.Minute
	// trimEvery is how often a lane is measured against MaxQueue at most.
	trimEvery = 30 * time.Second
)

// QueueLimit is how much may wait for one webhook.
type QueueLimit struct {
	Rows  int   // deliveries
	Bytes int64 // of the events' bodies
}

// DefaultMaxQueue gives how much waits for one webhook at most. Then the oldest
// make room: a receiver that is gone must not fill the disk.
func DefaultMaxQueue() QueueLimit { return QueueLimit{Rows: 100_000, Bytes: 512 << 20} }

// Sender makes one attempt; *HTTPSender is the real one. It must return soon
// after ctx has ended.
type Sender interface {
	Send(ctx context.Context, job Job) Reply
}

// DispatcherDeps are what a Dispatcher needs. Outbox and Sender must not be
// nil.
type DispatcherDeps struct {
	Outbox   Outbox
	Sender   Sender
	Schedule Schedule               // the zero Schedule means DefaultSchedule
	Now      func() time.Time       // nil means time.Now
	Roll     func() float64         // from 0 to 1, spreads the waits; nil means math/rand
	Changed  func(webhookID string) // told after each outcome; must not block; nil tells nobody
	// Stop is told that a webhook's receiver is gone, and why: StoppedGone or
	// StoppedHopeless. It stores that; nil lets the calls go on.
	Stop func(ctx context.Context, w Webhook, reason string) error
	// MaxQueue is how much may wait for one webhook; the zero value means
	// DefaultMaxQueue.
	MaxQueue QueueLimit
	Log      *slog.Logger // nil means silence
}

// Dispatcher empties the outbox. Each webhook is a lane; a lane has one attempt
// under way at most and lanes do not wait for each other. All state that
// matters is in the outbox, so a restart goes on where the last run stopped.
type Dispatcher struct {
	deps DispatcherDeps

	nudge   chan struct{} // wakes the loop; holds one
	results chan turn
	closing chan struct{}
	ended   chan struct{}

	sendCtx     context.Context // ends when attempts may no longer go on
	cancelSend  context.CancelFunc
	storeCtx    context.Context // ends when Close has run out of time
	cancelStore context.CancelFunc

	mu      sync.Mutex
	woken   map[string]bool
	forced  map[string]bool  // woken by a person: a rest is over
	cares   map[string]*care // by webhook
	all     bool             // look at all lanes
	started bool
	closed  bool
}

// Errors of Start.
var (
	errStarted = errors.New("the dispatcher was started before")
	errClosed  = errors.New("the dispatcher is closed")
)

// NewDispatcher makes a Dispatcher; nothing happens before Start.
func NewDispatcher(d DispatcherDeps) *Dispatcher {
	if d.Schedule.Delays == nil {
		d.Schedule = DefaultSchedule()
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Roll == nil {
		d.Roll = rand.Float64
	}
	if d.Changed == nil {
		d.Changed = func(string) {}
	}
	if d.MaxQueue == (QueueLimit{}) {
		d.MaxQueue = DefaultMaxQueue()
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &Dispatcher{
		deps:    d,
		nudge:   make(chan struct{}, 1),
		results: make(chan turn),
		closing: make(chan struct{}),
		ended:   make(chan struct{}),
		woken:   make(map[string]bool),
		forced:  make(map[string]bool),
		cares:   make(map[string]*care),
	}
}

// Start begins with what waits in the outbox. The end of ctx ends nothing,
// only Close does: what is under way at a shutdown shall be finished.
func (d *Dispatcher) Start(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	if d.started {
		return errStarted
	}
	d.started, d.all = true, true
	ctx = context.WithoutCancel(ctx)
	d.sendCtx, d.cancelSend = context.WithCancel(ctx)
	d.storeCtx, d.cancelStore = context.WithCancel(ctx)
	go d.loop()
	return nil
}

// Wake says that these webhooks have new deliveries; without ids, that any may
// have. It never blocks.
func (d *Dispatcher) Wake(webhookIDs ...string) {
	d.mu.Lock()
	if !d.closed {
		for _, id := range webhookIDs {
			d.woken[id] = true
		}
		d.all = d.all || len(webhookIDs) == 0
	}
	d.mu.Unlock()
	select {
	case d.nudge <- struct{}{}:
	default: // a nudge is on its way already
	}
}

func (d *Dispatcher) takeWoken() (ids, forced map[string]bool, all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids, forced, all = d.woken, d.forced, d.all
	d.woken, d.forced, d.all = make(map[string]bool), make(map[string]bool), false
	return ids, forced, all
}

// Close starts no more attempts, gives those under way five seconds, cuts them
// off otherwise, and returns when every goroutine has ended. What was cut off
// stays in the outbox as if it had not been tried. When ctx ends first,
// nothing is waited for any longer than it takes to stop, and Close gives the
// error of ctx.
func (d *Dispatcher) Close(ctx context.Context) error {
	d.mu.Lock()
	first, started := !d.closed, d.started
	d.closed = true
	d.mu.Unlock()
	if first {
		close(d.closing)
	}
	if !started {
		return nil
	}
	defer d.cancelStore()
	defer d.cancelSend()
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-d.ended:
		return nil
	case <-grace.C:
		d.cancelSend()
	case <-ctx.Done():
	}
	select {
	case <-d.ended:
		return nil
	case <-ctx.Done():
		d.cancelSend()
		d.cancelStore()
		<-d.ended
		return ctx.Err()
	}
}

func (d *Dispatcher) isClosing() bool {
	select {
	case <-d.closing:
		return true
	default:
		return false
	}
}

// loop decides which lane works when. It alone owns the board.
func (d *Dispatcher) loop() {
	defer close(d.ended)
	b := newBoard(d.deps.Schedule.longest())
	timer := time.NewTimer(0)
	defer timer.Stop()
	sweepAt := time.Now().Add(sweepEvery)
	for !d.isClosing() {
		ids, forced, all := d.takeWoken()
		now := time.Now()
		if all || !now.Before(sweepAt) {
			sweepAt = now.Add(d.sweep(ids))
		}
		for id := range ids {
			b.wake(id, now)
		}
		for id := range forced {
			b.force(id, now)
		}
		b.fire(now)
		for b.running < maxLanes && len(b.ready) > 0 {
			l := b.start()
			go func() { d.results <- d.work(l.id, l.floor) }()
		}
		timer.Reset(b.next(sweepAt).Sub(now))
		select {
		case <-d.nudge:
		case <-timer.C:
		case t := <-d.results:
			b.finish(t, d.deps.Now(), time.Now())
		case <-d.closing:
		}
	}
	for ; b.running > 0; b.running-- {
		<-d.results
	}
}

// sweep adds every lane that has work to ids and gives the time to the next
// sweep.
func (d *Dispatcher) sweep(ids map[string]bool) time.Duration {
	lanes, err := d.deps.Outbox.Lanes(d.storeCtx)
	if err != nil {
		d.deps.Log.Error("list the lanes of the outbox", "error", err)
		return storeWait
	}
	for _, id := range lanes {
		ids[id] = true
	}
	return sweepEvery
}
