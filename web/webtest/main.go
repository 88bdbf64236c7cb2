package webtest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// leakLimit is how long goroutines may take to end after the last test. What a
// closed connection leaves behind ends a moment later, and on a busy machine
// the half second that goleak waits is not always enough.
const leakLimit = 30 * time.Second

// Main is the TestMain of a package whose servers must leave no goroutine
// behind.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := leaked(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func leaked() error {
	for deadline := time.Now().Add(leakLimit); ; {
		err := goleak.Find(
			// fasthttp keeps one goroutine for the Date header for ever, and the
			// one that ends idle workers sleeps for ten seconds before it looks
			// whether its server still exists.
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
