package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// maxID is the greatest length of an id that may become part of a key.
const maxID = 64

// checkID refuses ids that must not become part of a key. Ids are [a-z0-9-]
// alone, so the zero byte that ends them inside compound keys cannot occur in
// one and two different pairs of ids never make the same key.
func checkID(what, id string) error {
	if len(id) == 0 || len(id) > maxID {
		return fmt.Errorf("%s id must have 1 to %d characters, has %d", what, maxID, len(id))
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("%s id %q must consist of a-z, 0-9 and -", what, id)
		}
	}
	return nil
}

// prefixOf starts the compound keys of an id.
func prefixOf(id string) []byte {
	return append([]byte(id), 0)
}

// pairKey joins two ids.
func pairKey(first, second string) []byte {
	return append(prefixOf(first), second...)
}

// countKey joins an id and a number so that the rows of the id lie together,
// in the order of the numbers.
func countKey(id string, n uint64) []byte {
	return binary.BigEndian.AppendUint64(prefixOf(id), n)
}

// digestKey stands for text of any length and content.
func digestKey(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}
