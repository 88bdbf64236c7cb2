package whatsapp

import (
	"sync"
	"time"
)

// linkLimit is how long the library may take from the moment in which a device
// is accepted here until the phone has been told: a few writes to the disk, one
// to the network.
const linkLimit = 10 * time.Second

// linking says whether the library is storing the keys of a device and telling
// its phone. It does so on a goroutine of its own, which goes on when the client
// is disconnected.
type linking struct {
	mu   sync.Mutex
	done chan struct{} // closed at the end; nil while no device is being linked
}

func (l *linking) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done == nil {
		l.done = make(chan struct{})
	}
}

func (l *linking) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done != nil {
		close(l.done)
		l.done = nil
	}
}

// wait waits for the end, for no longer than limit.
func (l *linking) wait(limit time.Duration) {
	l.mu.Lock()
	done := l.done
	l.mu.Unlock()
	if done == nil {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}
