package instance

import (
	"context"
	"errors"
	"sync"
	"time"

	"pombal/internal/event"
	"pombal/internal/problem"
)

// Pace limits how fast the messages of one instance go out. WhatsApp watches
// linked devices for bulk sending and above all for messages to people who do
// not know the number: it ends with a ban of the number, not of the program.
type Pace struct {
	Every    time.Duration // one message each, on average
	Burst    int           // so many at once after a pause
	NewEvery time.Duration // the same for people there is no chat with yet
	NewBurst int
	Queue    int           // so many may wait for their turn
	Limit    time.Duration // waiting for the turn, the pace and WhatsApp, each
	Grace    time.Duration // what a message under way has left when Pombal stops
}

// DefaultPace is gentle: 60 messages a minute after a burst of 20, and to new
// people 20 a minute after a burst of 5. Nobody outside WhatsApp knows its
// limits; operators report trouble well above these.
func DefaultPace() Pace {
	return Pace{
		Every: time.Second, Burst: 20, NewEvery: 3 * time.Second, NewBurst: 5,
		Queue: 50, Limit: 20 * time.Second, Grace: 5 * time.Second,
	}
}

// lockTime is how long messages to new people are held back when WhatsApp
// refuses them and does not say until when.
const lockTime = 24 * time.Hour

// maxAliases bounds what is remembered of numbers that WhatsApp writes in
// another way.
const maxAliases = 1000

// sender is the way out of one instance.
type sender struct {
	pace Pace
	ctx  context.Context // ends what is under way
	end  context.CancelFunc
	turn chan struct{} // holds one value while a message is under way

	mu      sync.Mutex
	closed  bool
	waiting int
	running sync.WaitGroup
	all     bucket
	fresh   bucket
	lookups bucket
	locked  time.Time              // messages to new people are refused until then
	aliases map[string]event.Party // what the numbers that were asked for turned out to be
}

func newSender(p Pace) *sender {
	if p == (Pace{}) {
		p = DefaultPace()
	}
	ctx, end := context.WithCancel(context.Background())
	return &sender{
		pace: p, ctx: ctx, end: end, turn: make(chan struct{}, 1),
		all: bucket{every: p.Every, burst: p.Burst}, fresh: bucket{every: p.NewEvery, burst: p.NewBurst},
		lookups: bucket{every: numbersEvery, burst: numbersBurst},
		aliases: make(map[string]event.Party),
	}
}

// enter waits for the turn; leave must follow. Turns come in the order of
// asking.
func (s *sender) enter(ctx context.Context) error {
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return ErrShuttingDown
	case s.waiting >= s.pace.Queue:
		s.mu.Unlock()
		return tooMany(s.pace.Every)
	}
	s.waiting++
	s.running.Add(1)
	s.mu.Unlock()
	var err error
	select {
	case s.turn <- struct{}{}:
	case <-s.ctx.Done():
		err = ErrShuttingDown
	case <-ctx.Done():
		err = ctx.Err()
		if errors.Is(err, context.DeadlineExceeded) {
			err = tooMany(s.pace.Every)
		}
	}
	s.mu.Lock()
	s.waiting--
	s.mu.Unlock()
	if err != nil {
		s.running.Done()
	}
	return err
}

func (s *sender) leave() {
	<-s.turn
	s.running.Done()
}

// close refuses further messages and waits for the one under way, a while.
func (s *sender) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	grace := time.AfterFunc(s.pace.Grace, s.end)
	s.running.Wait()
	grace.Stop()
	s.end()
}

// wait waits for the pace. A wait that ctx would not live to see the end of is
// refused at once.
func (s *sender) wait(ctx context.Context, fresh bool, now func() time.Time) error {
	s.mu.Lock()
	pause := s.all.wait(now())
	if fresh {
		pause = max(pause, s.fresh.wait(now()))
	}
	if end, limited := ctx.Deadline(); limited && time.Until(end) < pause {
		s.mu.Unlock()
		return tooMany(pause)
	}
	s.all.take(now())
	if fresh {
		s.fresh.take(now())
	}
	s.mu.Unlock()
	if pause <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return ErrShuttingDown
	}
}

// mayReachOut refuses messages to new people while WhatsApp does.
func (s *sender) mayReachOut(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.locked) {
		return reachoutLocked(s.locked.Sub(now))
	}
	return nil
}

// lockReachOut notes that WhatsApp refuses messages to new people.
func (s *sender) lockReachOut(now, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !until.After(now) {
		until = now.Add(lockTime)
	}
	s.locked = until
	return reachoutLocked(until.Sub(now))
}

// partyOf is whom an address stands for, as far as was found out.
func (s *sender) partyOf(to string) event.Party {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.aliases[to]; ok {
		return p
	}
	return partyOfAddress(to)
}

// learn remembers whom an address turned out to stand for.
func (s *sender) learn(to string, p event.Party) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.IsZero() || p.JID == to || p.LID == to {
		return
	}
	if len(s.aliases) >= maxAliases {
		clear(s.aliases)
	}
	s.aliases[to] = p
}

func tooMany(wait time.Duration) error {
	err := problem.New(problem.TooMany, "error.send_pace", "seconds", seconds(wait))
	err.RetryAfter = wait
	return err
}

func reachoutLocked(wait time.Duration) error {
	err := problem.New(problem.TooMany, "error.reachout_locked", "hours", int(wait.Hours())+1)
	err.RetryAfter = wait
	return err
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// bucket is a token bucket, told by when it will be full again.
type bucket struct {
	every time.Duration
	burst int
	full  time.Time
}

// wait is how long the next token takes.
func (b *bucket) wait(now time.Time) time.Duration {
	if !b.full.After(now) {
		return 0
	}
	return max(0, b.full.Sub(now)-time.Duration(max(b.burst, 1)-1)*b.every)
}

// take takes a token, of those to come if need be.
func (b *bucket) take(now time.Time) {
	if b.full.Before(now) {
		b.full = now
	}
	b.full = b.full.Add(b.every)
}
