package whatsapp

import (
	"context"
	"sync"
	"time"
)

// ackWait is how long a receipt waits for the message it is for. WhatsApp sends
// some receipts before its own acknowledgement, and programs are to hear of a
// message first.
const ackWait = 2 * time.Second

// outgoing are the messages that are under way.
type outgoing struct {
	mu  sync.Mutex
	ids map[string]chan struct{}
}

// begin notes a message; done says that its events are recorded, or that there
// are none.
func (o *outgoing) begin(id string) (done func()) {
	ch := make(chan struct{})
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ids == nil {
		o.ids = make(map[string]chan struct{})
	}
	o.ids[id] = ch
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.ids[id] == ch {
			delete(o.ids, id)
		}
		close(ch)
	}
}

// wait waits until none of the messages is under way, a while.
func (o *outgoing) wait(ctx context.Context, ids []string) {
	var late <-chan time.Time
	for _, id := range ids {
		o.mu.Lock()
		ch := o.ids[id]
		o.mu.Unlock()
		if ch == nil {
			continue
		}
		if late == nil {
			late = time.After(ackWait)
		}
		select {
		case <-ch:
		case <-late:
			return
		case <-ctx.Done():
			return
		}
	}
}
