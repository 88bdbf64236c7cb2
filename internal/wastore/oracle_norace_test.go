//go:build oracle && !race

package wastore_test

const raceEnabled = false
