//go:build race

package wasim_test

import "testing"

// Why tests are skipped under the race detector: what it reports inside whatsmeow.
const (
	raceDelete    = "whatsmeow swaps Store.ID and the stores without a lock when the link ends"
	raceReconnect = "whatsmeow guards AutoReconnectErrors with nothing when it reconnects"
	raceHangUp    = "whatsmeow sets its callback for a lost connection after the reader has begun"
	raceChild     = "the children share nothing to race for, and are too slow"
)

// skipRace skips a test in which the race detector reports whatsmeow itself.
func skipRace(t *testing.T, why string) {
	t.Helper()
	t.Skip("race detector: " + why)
}
