//go:build !race

package main

// raceEnabled says whether the race detector watches, with memory of its own.
const raceEnabled = false
