package wastore_test

import (
	"os"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"go.mau.fi/whatsmeow/types"
)

// DESIGN.md names every bucket of the container.
func TestDesignNamesEveryBucket(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	e := newEnv(t)
	found := 0
	e.ok(e.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if !strings.HasPrefix(string(name), "wa.") {
				return nil
			}
			found++
			if !strings.Contains(string(raw), "`"+string(name)+"`") {
				t.Errorf("bucket %s is not in DESIGN.md", name)
			}
			return nil
		})
	}))
	if found < 15 {
		t.Errorf("only %d buckets", found)
	}
}

// A context of FailFast ends with the first failure of the store, and with
// nothing else.
func TestFailFast(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	d := e.pair(ourJID("1", 1))
	e.ok(d.Identities.PutIdentity(ctx, "777:0", [32]byte{1}))

	fast, release := e.c.FailFast(ctx)
	defer release()
	if err := d.Identities.PutIdentity(fast, strings.Repeat("x", bbolt.MaxKeySize), [32]byte{}); err == nil {
		t.Error("an address that is too long was stored")
	}
	must(d.Identities.IsTrustedIdentity(fast, "778:0", [32]byte{}))
	if _, _, err := d.EventBuffer.GetOutgoingEvent(fast, ourJID("2", 0), types.EmptyJID, "none"); err == nil {
		t.Error("an outgoing event that is not there was found")
	}
	if err := fast.Err(); err != nil {
		t.Fatalf("answers and a caller's mistake ended it: %v", err)
	}
	damageRows(e, d)
	if _, err := d.Identities.IsTrustedIdentity(fast, "777:0", [32]byte{1}); err == nil {
		t.Error("a damaged row was trusted")
	}
	if fast.Err() == nil {
		t.Error("a failure did not end it")
	}
}
