package instance_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain sees that nothing outlives the tests but a goroutine of the library:
// its frame reader gets stuck when a Disconnect meets an arriving frame.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.mau.fi/whatsmeow/socket.(*FrameSocket).frameComplete"))
}
