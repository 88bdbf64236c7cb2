// Package backup copies the data file while Pombal serves, puts a copy back and
// finds good copies. A running server and its command line talk over a socket
// beside the data file that only the file's owner can open.
package backup
