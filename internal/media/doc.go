// Package media takes in the files that messages carry: from an address or
// from an upload, to a file on disk, never as a whole in memory. It bounds how
// large a file may be and how many there are at a time, and finds out what each
// one is from its bytes; what the sender says of it is not believed.
package media
