// Package leaktest is the TestMain of packages that start goroutines.
package leaktest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// limit is how long goroutines may take to end after the last test. What a
// closed connection leaves behind ends a moment later, and on a busy machine
// the half second that goleak waits is not always enough.
const limit = 30 * time.Second

// Main runs the tests of a package and ends the process. It fails when a
// goroutine outlives them that no option forgives.
func Main(m *testing.M, forgiven ...goleak.Option) {
	code := m.Run()
	if code == 0 {
		if err := leaked(forgiven); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func leaked(forgiven []goleak.Option) error {
	for deadline := time.Now().Add(limit); ; {
		err := goleak.Find(forgiven...)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// Reader forgives a leak of the engine: a client that disconnects while a frame
// arrives leaves its reader behind for ever, sending to a channel that nobody
// reads.
func Reader() goleak.Option {
	return goleak.IgnoreTopFunction("go.mau.fi/whatsmeow/socket.(*FrameSocket).frameComplete")
}
