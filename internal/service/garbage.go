package service

import "runtime/debug"

// CollectMore makes Go collect garbage more often where many numbers are linked.
// Each keeps about 100 KiB alive as long as it is connected, and by default as
// much garbage may grow beside it: 1000 numbers would take 250 MiB instead of
// 190, for some percent of a processor under load.
func CollectMore(linked int) {
	if percent := GarbagePercent(linked); percent != 100 {
		debug.SetGCPercent(percent)
	}
}

// GarbagePercent is the garbage that may grow, in percent of what lives.
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
