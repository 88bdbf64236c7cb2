//go:build race

package wastore_test

// raceEnabled makes the long tests shorter: everything is some ten times
// slower.
const raceEnabled = true
