// Package safehttp calls addresses that other people typed in. It owns the
// decision which addresses may be called (the policy) and the limits in time
// and size of a call. It judges the address that is being connected to, after
// the name was looked up and for every new connection, so neither a name that
// changes its address nor an odd spelling gets past it. Calls never follow a
// redirect; downloads of files follow a few and judge each. Neither asks the
// environment for a proxy or unpacks what it receives.
package safehttp
