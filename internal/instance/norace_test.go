//go:build !race

package instance_test

// raceEnabled says whether the race detector watches: what is there for its sake
// is done at length only then.
const raceEnabled = false
