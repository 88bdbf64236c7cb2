package webhook

import (
	"container/heap"
	"time"
)

// board is what the dispatcher knows of the lanes that have work. Times are
// those of the process's steady clock unless they say otherwise, so that a
// wall clock that is set neither loses nor repeats an attempt.
type board struct {
	lanes   map[string]*lane
	ready   []*lane // in the order in which they became ready
	waiting laneHeap
	running int
	longest time.Duration // no wait is longer
}

// lane is one webhook's place on the board.
type lane struct {
	id      string
	state   laneState
	again   bool      // woken while it was running: look once more
	due     time.Time // when the outbox wants it, by the wall clock
	fireAt  time.Time // when it becomes ready by itself; with laneWaiting
	blocked bool      // with laneWaiting: not even a wake makes it ready before
	floor   time.Time // the outbox is asked for this time at least, by the wall clock
	index   int       // in the heap
}

type laneState int

const (
	laneIdle laneState = iota
	laneReady
	laneRunning
	laneWaiting
)

// turn is how a lane's turn ended.
type turn struct {
	id   string
	more bool          // there is more to do at once
	due  time.Time     // when there will be, by the wall clock; zero: the lane is empty
	wait time.Duration // leave the lane alone for so long
}

func newBoard(longest time.Duration) *board {
	return &board{lanes: make(map[string]*lane), longest: longest}
}

// wake makes a lane ready, unless it has to be left alone.
func (b *board) wake(id string, now time.Time) {
	l := b.lanes[id]
	if l == nil {
		l = &lane{id: id}
		b.lanes[id] = l
	}
	switch l.state {
	case laneRunning:
		l.again = true
	case laneWaiting:
		if l.blocked && now.Before(l.fireAt) {
			return
		}
		heap.Remove(&b.waiting, l.index)
		b.queue(l)
	case laneIdle:
		b.queue(l)
	case laneReady:
	}
}

// force is wake for a person, who does not let a lane rest.
func (b *board) force(id string, now time.Time) {
	if l := b.lanes[id]; l != nil {
		l.blocked = false
	}
	b.wake(id, now)
}

func (b *board) queue(l *lane) {
	l.state = laneReady
	b.ready = append(b.ready, l)
}

// fire makes those lanes ready whose time has come. Their time by the wall
// clock counts as come too, wherever that clock stands by now.
func (b *board) fire(now time.Time) {
	for len(b.waiting) > 0 && !now.Before(b.waiting[0].fireAt) {
		l, ok := heap.Pop(&b.waiting).(*lane)
		if !ok {
			return
		}
		if !l.blocked {
			l.floor = l.due
		}
		b.queue(l)
	}
}

// start takes the lane that has been ready longest.
func (b *board) start() *lane {
	l := b.ready[0]
	b.ready[0] = nil
	b.ready = b.ready[1:]
	l.state, l.again, l.blocked = laneRunning, false, false
	b.running++
	return l
}

// finish notes how a turn ended, at wall by the wall clock and at now by the
// steady one.
func (b *board) finish(t turn, wall, now time.Time) {
	b.running--
	l := b.lanes[t.id]
	l.state, l.floor = laneIdle, time.Time{}
	switch {
	case t.wait > 0:
		l.due, l.blocked = time.Time{}, true
		b.wait(l, now.Add(t.wait))
	case t.more || l.again:
		b.queue(l)
	case t.due.IsZero():
		delete(b.lanes, l.id)
	case t.due.Equal(l.due) && now.Before(l.fireAt):
		b.wait(l, l.fireAt) // the time it had; the wall clock may have moved
	default:
		l.due = t.due
		wait := t.due.Sub(wall)
		if wait > b.longest {
			wait = 0 // the clock that set this time was wrong
		}
		b.wait(l, now.Add(max(wait, minWait)))
	}
}

// minWait keeps an outbox that contradicts itself from being asked without a
// pause.
const minWait = time.Millisecond

func (b *board) wait(l *lane, at time.Time) {
	l.state, l.fireAt = laneWaiting, at
	heap.Push(&b.waiting, l)
}

// next is when something becomes ready by itself, latest at the time given.
func (b *board) next(latest time.Time) time.Time {
	if len(b.waiting) > 0 && b.waiting[0].fireAt.Before(latest) {
		return b.waiting[0].fireAt
	}
	return latest
}

// laneHeap orders waiting lanes by the time they become ready.
type laneHeap []*lane

func (h laneHeap) Len() int           { return len(h) }
func (h laneHeap) Less(i, j int) bool { return h[i].fireAt.Before(h[j].fireAt) }
func (h laneHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is heap's way to append.
func (h *laneHeap) Push(x any) {
	if l, ok := x.(*lane); ok {
		l.index = len(*h)
		*h = append(*h, l)
	}
}

// Pop is heap's way to take the last.
func (h *laneHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
