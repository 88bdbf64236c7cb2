package store_test

import (
	"os"
	"strings"
	"testing"

	"pombal/internal/store"
	"pombal/internal/store/storetest"
)

// DESIGN.md names every bucket of the file.
func TestDesignNamesEveryBucket(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range store.Rows(t, storetest.Open(t)) {
		if !strings.Contains(string(raw), "`"+name+"`") {
			t.Errorf("bucket %s is not in DESIGN.md", name)
		}
	}
}
