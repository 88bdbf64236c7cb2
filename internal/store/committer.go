package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/problem"
)

// ErrUnwritable says that the data file cannot be written to, for example
// because the disk is full. What the caller wanted stored is to be taken as not
// stored, and nothing may be acknowledged on its account. It is a problem of
// kind Storage, so that every door says so in its own way.
var ErrUnwritable error = problem.Wrap(errors.New("the data file cannot be written to"), problem.Storage, "error.storage")

var (
	// errClosed is the answer to writes after Close.
	errClosed = errors.New("the data file is closed")
	// errInterrupted is the outcome of a write whose commit was cut short by a
	// panic.
	errInterrupted = errors.New("the commit was interrupted")
	// errBehindLost fails a write that waited behind one that had to be given
	// up, so that nobody acknowledges what depends on it.
	errBehindLost = errors.New("an earlier write had to be given up")
)

const (
	// maxQueued and maxQueuedBytes bound what is accepted and not on disk yet.
	maxQueued      = 4096
	maxQueuedBytes = 32 << 20
	// maxBatch bounds the writes of one commit, and so how long the last of
	// them waits for the others.
	maxBatch = 1024
	// lingerFor is how long writes that nobody waits for stay in the queue for
	// company.
	lingerFor = 20 * time.Millisecond
	// retryEvery is the pause between attempts while the file cannot be
	// written to.
	retryEvery = time.Second
	// slowCommit is where a commit is worth a line in the log: everybody waits
	// for it.
	slowCommit = time.Second
)

// job is one atomic change on its way to the file.
type job struct {
	fn   func(*bbolt.Tx) error
	ctx  context.Context // of the caller who waits; nil when nobody does
	size int
	// solo says that fn must not run twice: it is the last of its batch, so no
	// failure of another one makes it run again.
	solo    bool
	urgent  bool
	settled func(error) // told the outcome when nobody waits; may be nil
	queued  time.Time

	err  error
	done chan struct{} // closed once err is final
}

// committer owns the write transactions of a file. Callers put jobs into a
// queue; one goroutine takes what has gathered there, in the order of arrival,
// and commits it together. A commit starts at once when somebody waits for it,
// so those who come during one share the next: the slower the disk, the larger
// the groups, and a lone caller waits for nobody.
//
// When a commit fails for want of disk, those who wait are told so and their
// jobs dropped. Jobs that nobody waits for were accepted already: they stay at
// the head of the queue and are tried again every second, while further ones
// are refused.
type committer struct {
	bolt *bbolt.DB
	log  *slog.Logger
	wake chan struct{} // holds one value when the queue is worth a look
	over chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex
	queue    []*job
	inFlight int // jobs of the running commit
	bytes    int // of queue and running commit
	waiting  int // jobs of the queue that want a commit now
	room     chan struct{}
	failure  error     // of the last commit; nil when the file is sound
	retryAt  time.Time // while failure is set
	healed   func()    // called when writing works again; may be nil
	closed   bool
}

func newCommitter(bolt *bbolt.DB, log *slog.Logger) *committer {
	c := &committer{
		bolt: bolt, log: log,
		wake: make(chan struct{}, 1), over: make(chan struct{}), room: make(chan struct{}),
	}
	go c.run()
	return c
}

// add puts a job into the queue, waiting for room.
func (c *committer) add(ctx context.Context, j *job) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		room, err := c.tryAdd(j)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
		}
	}
}

// tryAdd puts a job into the queue or, when that is full, gives the channel
// that tells when to try again.
func (c *committer) tryAdd(j *job) (room <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := len(c.queue) + c.inFlight
	full := count >= maxQueued || count > 0 && c.bytes+j.size > maxQueuedBytes
	switch {
	case c.closed:
		return nil, errClosed
	case c.failure != nil && (full || j.ctx == nil):
		return nil, c.failure
	case full:
		return c.room, nil
	}
	j.queued = time.Now()
	c.queue = append(c.queue, j)
	c.bytes += j.size
	if j.presses() {
		c.waiting++
	}
	if j.presses() || len(c.queue) == 1 {
		c.nudge()
	}
	return nil, nil
}

// presses says whether the job is not to linger.
func (j *job) presses() bool { return j.ctx != nil || j.urgent }

func (c *committer) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// do queues a job and waits until it is on disk or refused. A caller whose
// context ends is let go unless the job may be part of a running commit.
func (c *committer) do(j *job) error {
	j.done = make(chan struct{})
	if err := c.add(j.ctx, j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-j.ctx.Done():
		if c.withdraw(j) {
			return j.ctx.Err()
		}
		<-j.done
	}
	return j.err
}

// withdraw takes a job out of the queue unless its commit has begun.
func (c *committer) withdraw(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, have := range c.queue {
		if have == j {
			c.queue = append(c.queue[:i:i], c.queue[i+1:]...)
			c.waiting--
			c.release(0, j.size)
			return true
		}
	}
	return false
}

// release makes room in the queue for others. c.mu is held.
func (c *committer) release(inFlight, bytes int) {
	c.inFlight -= inFlight
	c.bytes -= bytes
	close(c.room)
	c.room = make(chan struct{})
}

// idle says whether all that was accepted is on disk.
func (c *committer) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue)+c.inFlight == 0
}

// health is why the last commit failed; nil when it did not.
func (c *committer) health() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	return c.failure
}

// close commits what is queued and ends the goroutine. Its error says that
// something that was accepted did not reach the disk.
func (c *committer) close() error {
	c.mu.Lock()
	c.closed = true
	c.nudge()
	c.mu.Unlock()
	<-c.over
	c.mu.Lock()
	defer c.mu.Unlock()
	if lost := len(c.queue); lost > 0 {
		c.queue = nil
		return fmt.Errorf("%d queued writes were lost: %w", lost, c.failure)
	}
	return nil
}
