package instance

import "sync"

// mailbox runs what is posted to it, one after the other, on a goroutine that
// lives only while there is something to run: most instances are idle most of
// the time, and a goroutine each would keep its stack. It is unbounded because
// WhatsApp's library delivers signals under its own locks and must never wait;
// what arrives is few and small.
type mailbox struct {
	mu     sync.Mutex
	queue  []func()
	busy   bool // the goroutine lives
	closed bool
	worker sync.WaitGroup
}

// post queues fn; false when the mailbox is closed.
func (b *mailbox) post(fn func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.queue = append(b.queue, fn)
	if !b.busy {
		b.busy = true
		b.worker.Go(b.run)
	}
	return true
}

func (b *mailbox) run() {
	for fn := b.take(); fn != nil; fn = b.take() {
		fn()
	}
}

// take removes the oldest entry; nil ends the goroutine.
func (b *mailbox) take() func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		b.queue, b.busy = nil, false
		return nil
	}
	fn := b.queue[0]
	b.queue[0] = nil
	b.queue = b.queue[1:]
	return fn
}

// close refuses further entries and drops those that wait. The entry that is
// running, perhaps the caller, is run to its end.
func (b *mailbox) close() {
	b.mu.Lock()
	b.closed = true
	b.queue = nil
	b.mu.Unlock()
}

// wait waits for the goroutine, once closed.
func (b *mailbox) wait() { b.worker.Wait() }
