//go:build !race

package wasim_test

import "testing"

// What the race detector reports inside whatsmeow.
const (
	raceDelete    = "whatsmeow swaps Store.ID and the stores without a lock when the link ends"
	raceReconnect = "whatsmeow guards AutoReconnectErrors with nothing when it reconnects"
)

func skipRace(*testing.T, string) {}
