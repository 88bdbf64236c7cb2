//go:build race

package wasim_test

import "testing"

// What the race detector reports inside whatsmeow.
const (
	raceDelete    = "whatsmeow swaps Store.ID and the stores without a lock when the link ends"
	raceReconnect = "whatsmeow guards AutoReconnectErrors with nothing when it reconnects"
)

// skipRace skips a test in which the race detector reports whatsmeow itself.
func skipRace(t *testing.T, why string) {
	t.Helper()
	t.Skip("race detector: " + why)
}
