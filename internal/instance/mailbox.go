package instance

import "sync"

// mailbox is the queue of a runner. It is unbounded because WhatsApp's library
// delivers signals under its own locks and must never wait; what arrives is
// few and small.
type mailbox struct {
	mu     sync.Mutex
	queue  []func()
	closed bool
	wake   chan struct{}
}

func newMailbox() *mailbox {
	return &mailbox{wake: make(chan struct{}, 1)}
}

// post queues fn; false when the mailbox is closed.
func (b *mailbox) post(fn func()) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.queue = append(b.queue, fn)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return true
}

// take removes the oldest entry; nil when there is none.
func (b *mailbox) take() func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		return nil
	}
	fn := b.queue[0]
	b.queue[0] = nil
	b.queue = b.queue[1:]
	return fn
}

// close refuses further entries and drops those that wait.
func (b *mailbox) close() {
	b.mu.Lock()
	b.closed = true
	b.queue = nil
	b.mu.Unlock()
}
