// Package service holds how Pombal lives on a machine: its unit for systemd,
// which the binary carries so that nothing else has to be fetched, the rights
// of the files it makes, and how much garbage it lets grow.
package service

import _ "embed"

//go:embed pombal.service
var unit string

// Unit is the unit file. It restarts the program within two seconds whenever it
// ends, and never gives up.
func Unit() string { return unit }
