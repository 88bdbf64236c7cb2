package whatsapp_test

import (
	"testing"

	"pombal/internal/leaktest"
)

// The one leak forgiven is the library's own: a disconnect that meets an
// arriving frame leaves its reader waiting for good.
func TestMain(m *testing.M) {
	leaktest.Main(m, leaktest.Reader())
}
