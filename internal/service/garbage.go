package service

import (
	"os"
	"runtime/debug"
)

// CollectMore makes Go collect garbage more often where many numbers are linked.
// Each keeps about 100 KiB alive as long as it is connected, and by default as
// much garbage may grow beside it: 1000 numbers would take 250 MiB instead of
// 190, for some percent of a processor under load. Where GOGC is set it changes
// nothing: that is the operator's word.
func CollectMore(linked int) {
	if percent := GarbagePercent(linked); percent != 100 && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// GarbagePercent is the garbage that may grow, in percent of what lives. Less than
// 25 does not pay: with 1000 numbers 15 saves 10 MiB and takes a fifth more
// processor time for each message.
func GarbagePercent(linked int) int {
	switch {
	case linked >= 300:
		return 25
	case linked >= 100:
		return 50
	default:
		return 100
	}
}
