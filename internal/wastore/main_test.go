package wastore_test

import (
	"os"
	"testing"

	"go.mau.fi/libsignal/logger"
	"go.uber.org/goleak"
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
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}
