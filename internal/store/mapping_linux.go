package store

import (
	"fmt"
	"os"
	"syscall"
)

// unmapPages takes the pages of a shared map of a file out of the process's
// memory; they are read anew when they are touched (madvise(2),
// MADV_DONTNEED). start must be the start of the map, and size not more than
// the map has.
func unmapPages(start, size uintptr) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, start, size, syscall.MADV_DONTNEED); errno != 0 {
		return errno
	}
	return nil
}

// isFull says whether more than mappedEnough of files is in memory: the third
// number of statm, in pages (proc(5)). What cannot be read counts as full.
func isFull() bool {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return true
	}
	var all, resident, files int
	if _, err := fmt.Sscan(string(raw), &all, &resident, &files); err != nil {
		return true
	}
	return files*os.Getpagesize() > mappedEnough
}
