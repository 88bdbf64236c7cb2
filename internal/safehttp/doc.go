// Package safehttp calls addresses that other people typed in. It owns the
// decision which addresses may be called (the policy) and the limits in time
// and size of a call. It judges the address that is being connected to, after
// the name was looked up and for every new connection, so neither a name that
// changes its address nor an odd spelling gets past it. It never follows a
// redirect, never asks the environment for a proxy and never unpacks what it
// receives.
package safehttp
