package wastore_test

import (
	"testing"

	"go.mau.fi/libsignal/logger"

	"pombal/internal/leaktest"
)

// silent keeps libsignal quiet.
type silent struct{}

func (silent) Debug(string, string)   {}
func (silent) Info(string, string)    {}
func (silent) Warning(string, string) {}
func (silent) Error(string, string)   {}
func (silent) Configure(string)       {}

func TestMain(m *testing.M) {
	// libsignal sets its own logger on first use, a race between two devices;
	// the engine adapter sets one at its start.
	var quiet logger.Loggable = silent{}
	logger.Setup(&quiet)
	leaktest.Main(m)
}
