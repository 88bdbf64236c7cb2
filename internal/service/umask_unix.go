//go:build unix

package service

import "syscall"

// KeepFilesPrivate lets nobody else on this machine read what this process
// writes.
func KeepFilesPrivate() { syscall.Umask(0o077) }
