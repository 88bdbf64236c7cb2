package store

import (
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// mappedEnough is how many bytes of files may stay in the memory of the
	// process, this program's own text included.
	mappedEnough = 48 << 20
	// unmapEvery is how often that is looked at, and unmapSoon how soon again
	// while something goes through the file.
	unmapEvery = 200 * time.Millisecond
	unmapSoon  = 20 * time.Millisecond
)

// keeper gives pages of the data file back to the kernel while the file is
// open. bbolt maps the file, so every page that is ever read counts as memory
// of this process until the kernel needs the room: after a start, which looks
// at each page, and with a queue of hundreds of thousands of events, that is
// the whole file. What is given back stays in the kernel's cache of the file,
// and reading it again costs microseconds.
type keeper struct {
	once    sync.Once
	closing chan struct{}
	over    chan struct{}
}

// keepSmall starts a keeper. Its first round is over when keepSmall returns.
func keepSmall(bolt *bbolt.DB) *keeper {
	k := &keeper{closing: make(chan struct{}), over: make(chan struct{})}
	giveBack(bolt)
	go k.run(bolt)
	return k
}

func (k *keeper) run(bolt *bbolt.DB) {
	defer close(k.over)
	timer := time.NewTimer(unmapEvery)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-k.closing:
			return
		}
		if giveBack(bolt) {
			timer.Reset(unmapSoon)
		} else {
			timer.Reset(unmapEvery)
		}
	}
}

// close ends the keeper and waits for it. It may be called twice.
func (k *keeper) close() {
	k.once.Do(func() { close(k.closing) })
	<-k.over
}

// giveBack gives back the pages of the file once too much of files is in
// memory, and says whether that helped. A failure leaves all as it was, so
// nobody needs to know.
func giveBack(bolt *bbolt.DB) (helped bool) {
	_ = bolt.View(func(tx *bbolt.Tx) error { // the map stays where it is meanwhile
		if tx.Size() <= mappedEnough/2 || !isFull() {
			return nil
		}
		err := unmapPages(bolt.Info().Data, uintptr(tx.Size()))
		helped = err == nil && !isFull()
		return err
	})
	return helped
}
