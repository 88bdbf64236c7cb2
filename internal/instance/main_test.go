package instance_test

import (
	"os"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"

	"pombal/internal/leaktest"
)

// hastyVar makes a copy of the test binary whose library asks WhatsApp for a
// sign of life several times a second instead of twice a minute. The library
// keeps that pace in variables of its own, which must not change while it runs.
const hastyVar = "INSTANCETEST_HASTY"

func hasten() {
	whatsmeow.KeepAliveIntervalMin, whatsmeow.KeepAliveIntervalMax = 100*time.Millisecond, 150*time.Millisecond
	whatsmeow.KeepAliveResponseDeadline = 1500 * time.Millisecond
}

// TestMain sees that nothing outlives the tests but a goroutine of the library:
// its frame reader gets stuck when a Disconnect meets an arriving frame.
func TestMain(m *testing.M) {
	if os.Getenv(hastyVar) != "" {
		hasten()
	}
	leaktest.Main(m, leaktest.Reader())
}
