package store_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pombal/internal/store"
)

const tornImages = 200

// TestTornCommits gives each file after a commit a random part of the pages of
// the next commit, without its meta page: what a power cut leaves when the disk
// writes in any order before it is told to sync. The state must be that of the
// earlier commit.
func TestTornCommits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "torn.db")
	r, err := openRig(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	d := newDriver(t, r, "torn", 11)
	image := func() []byte {
		t.Helper()
		if err := r.db.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	random := rand.New(rand.NewPCG(3, 4))
	images := tornImages
	if testing.Short() {
		images = 20
	}
	before, state, differing := image(), d.dump(t), 0
	for n := range images {
		if _, err := d.next(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := image()
		torn, changed := tear(before, after, random)
		differing += changed
		checkImage(t, filepath.Join(dir, "image.db"), torn, state, n)
		before, state = after, d.dump(t)
	}
	t.Logf("%d images, %d pages of commits that did not happen", images, differing)
	if differing < images/2 {
		t.Error("hardly any page was torn")
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
}

// tear takes a random half of the data pages that a commit changed.
func tear(before, after []byte, random *rand.Rand) (torn []byte, changed int) {
	page := os.Getpagesize()
	torn = make([]byte, len(after)) // growing the file comes before the pages
	copy(torn, before)
	for at := 2 * page; at < len(after); at += page {
		if !bytes.Equal(torn[at:at+page], after[at:at+page]) && random.IntN(2) == 0 {
			copy(torn[at:at+page], after[at:at+page])
			changed++
		}
	}
	return torn, changed
}

func checkImage(t *testing.T, path string, raw []byte, state string, n int) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := openRig(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatalf("image %d: %v", n, err)
	}
	if got := dumpOf(t, r, "torn", numberOf(t, r, "torn")); got != state {
		t.Errorf("image %d: its state is not that of the commit before", n)
	}
	if err := r.db.Check(t.Context()); err != nil {
		t.Errorf("image %d: %v", n, err)
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
}
