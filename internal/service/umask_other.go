//go:build !unix

package service

// KeepFilesPrivate does nothing: files here inherit the rights of their folder.
func KeepFilesPrivate() {}
