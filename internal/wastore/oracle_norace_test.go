//go:build !race

package wastore_test

const raceEnabled = false
