// Package arch holds no code, only the test that keeps the house in order:
// imports go down, and each library has its owners. Its table is the one place
// where a new package says at which height it lives.
package arch
