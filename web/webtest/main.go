package webtest

import (
	"testing"

	"go.uber.org/goleak"

	"pombal/internal/leaktest"
)

// Main is the TestMain of a package whose servers must leave no goroutine
// behind.
func Main(m *testing.M) {
	// fasthttp keeps one goroutine for the Date header for ever, and the one that
	// ends idle workers sleeps for ten seconds before it looks whether its server
	// still exists.
	leaktest.Main(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}
