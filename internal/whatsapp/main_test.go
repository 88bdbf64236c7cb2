package whatsapp_test

import (
	"testing"

	"go.uber.org/goleak"
)

// The one leak forgiven is the library's own: a disconnect that meets an
// arriving frame leaves its reader waiting for good.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.mau.fi/whatsmeow/socket.(*FrameSocket).frameComplete"))
}
