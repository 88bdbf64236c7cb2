package wastore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"

	"pombal/internal/wastore"
)

func TestIdentityUnknownIsTrustedElseCompared(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	equal(t, "unknown", must(d.Identities.IsTrustedIdentity(ctx, "7:0", key32(1))), true)
	e.ok(d.Identities.PutIdentity(ctx, "7:0", key32(1)))
	equal(t, "same", must(d.Identities.IsTrustedIdentity(ctx, "7:0", key32(1))), true)
	equal(t, "other", must(d.Identities.IsTrustedIdentity(ctx, "7:0", key32(2))), false)
	e.ok(d.Identities.PutIdentity(ctx, "7:0", key32(2)))
	equal(t, "replaced", must(d.Identities.IsTrustedIdentity(ctx, "7:0", key32(2))), true)
}

// addresses are the traps of prefixes and of wildcards.
var addresses = []string{"777:0", "777:12", "7771:0", "777_1:5", "77:0", "a_b:0", "axb:0", "ab:0", "AB:0", "a%:0", "a%x:0", "12341:5", "123_1:5", "123x1:5"}

func TestDeletePrefixAndWildcardTraps(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, phone, exact string
		gone               []string
	}{
		{"777 hits neither 7771 nor 777_1", "777", "", []string{"777:0", "777:12"}},
		{"underscore is no wildcard", "a_b", "", []string{"a_b:0"}},
		{"case counts", "AB", "", []string{"AB:0"}},
		{"percent is no wildcard", "a%", "", []string{"a%:0"}},
		{"LID sessions stay when the phone goes", "123", "", nil},
		{"empty phone", "", "", nil},
		{"exact delete", "", "123_1:5", []string{"123_1:5"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e, d := one(t)
			for _, a := range addresses {
				e.ok(d.Identities.PutIdentity(ctx, a, key32(1)))
				e.ok(d.Sessions.PutSession(ctx, a, []byte("s")))
			}
			if tc.exact != "" {
				e.ok(d.Identities.DeleteIdentity(ctx, tc.exact))
				e.ok(d.Sessions.DeleteSession(ctx, tc.exact))
			} else {
				e.ok(d.Identities.DeleteAllIdentities(ctx, tc.phone))
				e.ok(d.Sessions.DeleteAllSessions(ctx, tc.phone))
			}
			for _, a := range addresses {
				want := true
				for _, g := range tc.gone {
					want = want && g != a
				}
				equal(t, "session "+a, must(d.Sessions.HasSession(ctx, a)), want)
				// An unknown identity trusts any key, a known one only its own.
				equal(t, "identity "+a, !must(d.Identities.IsTrustedIdentity(ctx, a, key32(2))), want)
			}
		})
	}
}

func TestSessionNilIsNotMissing(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	equalBytes(t, "missing", must(d.Sessions.GetSession(ctx, "7:0")), nil)
	e.ok(d.Sessions.PutSession(ctx, "7:0", nil))
	equal(t, "HasSession", must(d.Sessions.HasSession(ctx, "7:0")), true)
	equalBytes(t, "null", must(d.Sessions.GetSession(ctx, "7:0")), nil)
	e.ok(d.Sessions.PutSession(ctx, "7:0", []byte{}))
	equalBytes(t, "empty", must(d.Sessions.GetSession(ctx, "7:0")), []byte{})
	large := bytes.Repeat([]byte("x"), 82_000)
	e.ok(d.Sessions.PutSession(ctx, "7:0", large))
	e.reopen()
	d = e.load(*d.ID)
	equalBytes(t, "large", must(d.Sessions.GetSession(ctx, "7:0")), large)
}

func TestGetManySessionsNamesEveryAddress(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.Sessions.PutManySessions(ctx, map[string][]byte{"1:0": []byte("a"), "2:0": []byte("b")}))
	got := must(d.Sessions.GetManySessions(ctx, []string{"1:0", "3:0", "1:0"}))
	equal(t, "entries", len(got), 2)
	equalBytes(t, "1:0", got["1:0"], []byte("a"))
	if session, ok := got["3:0"]; !ok || session != nil {
		t.Fatalf("missing address: %v, %v", session, ok)
	}
}

func TestPutManySessionsAllOrNothing(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	tooLong := strings.Repeat("x", 40_000)
	err := d.Sessions.PutManySessions(ctx, map[string][]byte{"1:0": {1}, "2:0": {2}, tooLong: {3}})
	e.is(err, wastore.ErrInvalid)
	equal(t, "rows", e.rows("wa.sess"), 0)
}

func TestReturnedBytesAreCopies(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.Sessions.PutSession(ctx, "1:0", []byte("session")))
	got := must(d.Sessions.GetSession(ctx, "1:0"))
	got[0] = 'X' // would fault, or change the file's cache, were it the file's memory
	equalBytes(t, "session", must(d.Sessions.GetSession(ctx, "1:0")), []byte("session"))
}

func TestMigratePNToLID(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	for _, a := range []string{"777:0", "777:12", "7771:0", "777_1:0"} {
		e.ok(d.Sessions.PutSession(ctx, a, []byte("s "+a)))
		e.ok(d.Identities.PutIdentity(ctx, a, key32(byte(len(a)))))
		e.ok(d.SenderKeys.PutSenderKey(ctx, "g1", a, []byte("g1 "+a)))
		e.ok(d.SenderKeys.PutSenderKey(ctx, "g2", a, []byte("g2 "+a)))
	}
	e.ok(d.Sessions.PutSession(ctx, "900_1:0", []byte("overwritten")))
	before := e.commits()
	e.ok(d.Sessions.MigratePNToLID(ctx, ourJID("777", 3), lidJID("900")))
	equal(t, "commits", e.commits()-before, 1)

	equalBytes(t, "PN row wins", must(d.Sessions.GetSession(ctx, "900_1:0")), []byte("s 777:0"))
	equalBytes(t, "device kept", must(d.Sessions.GetSession(ctx, "900_1:12")), []byte("s 777:12"))
	equal(t, "PN row gone", must(d.Sessions.HasSession(ctx, "777:0")), false)
	equal(t, "longer number stays", must(d.Sessions.HasSession(ctx, "7771:0")), true)
	equal(t, "agent stays", must(d.Sessions.HasSession(ctx, "777_1:0")), true)
	equal(t, "identity moved", must(d.Identities.IsTrustedIdentity(ctx, "900_1:0", key32(99))), false)
	equal(t, "identity gone", must(d.Identities.IsTrustedIdentity(ctx, "777:0", key32(99))), true)
	for _, g := range []string{"g1", "g2"} {
		equalBytes(t, "sender key", must(d.SenderKeys.GetSenderKey(ctx, g, "900_1:12")), []byte(g+" 777:12"))
		equalBytes(t, "old sender key", must(d.SenderKeys.GetSenderKey(ctx, g, "777:12")), nil)
		equalBytes(t, "other sender key", must(d.SenderKeys.GetSenderKey(ctx, g, "7771:0")), []byte(g+" 7771:0"))
	}
}

func TestMigrationOncePerProcessAndAgainAfterFailure(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	pn, lid := pnJID("7"), lidJID("9")
	e.ok(d.Sessions.PutSession(ctx, "7:0", []byte("a")))
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	e.is(d.Sessions.MigratePNToLID(cancelled, pn, lid), context.Canceled)
	rollback := errors.New("rollback")
	e.is(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		e.ok(d.Sessions.MigratePNToLID(ctx, pn, lid))
		equal(t, "moved within", must(d.Sessions.HasSession(ctx, "9_1:0")), true)
		return rollback
	}), rollback)
	equal(t, "rolled back", must(d.Sessions.HasSession(ctx, "7:0")), true)
	e.ok(d.Sessions.MigratePNToLID(ctx, pn, lid))
	equal(t, "moved", must(d.Sessions.HasSession(ctx, "9_1:0")), true)

	e.ok(d.Sessions.PutSession(ctx, "7:1", []byte("later")))
	e.ok(d.Sessions.MigratePNToLID(ctx, pn, lid))
	equal(t, "later session stays", must(d.Sessions.HasSession(ctx, "7:1")), true)
	e.reopen()
	d = e.load(*d.ID)
	e.ok(d.Sessions.MigratePNToLID(ctx, pn, lid))
	equal(t, "moved after restart", must(d.Sessions.HasSession(ctx, "9_1:1")), true)
	e.unchanged("nothing to move", func() { e.ok(d.Sessions.MigratePNToLID(ctx, pnJID("5"), lid)) })
	e.ok(d.Sessions.MigratePNToLID(ctx, lid, lid))
	equal(t, "onto itself", must(d.Sessions.HasSession(ctx, "9_1:1")), true)
}

func TestSenderKeyByGroupAndSender(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	equalBytes(t, "missing", must(d.SenderKeys.GetSenderKey(ctx, "g", "1:0")), nil)
	e.is(d.SenderKeys.PutSenderKey(ctx, "g", "1:0", nil), wastore.ErrInvalid)
	// Without separators, or with a separator smuggled in, these would meet.
	for i, k := range [][2]string{{"g", "1:0"}, {"1:0", "g"}, {"g1", ":0"}, {"0g", "1:"}, {"b\x00c", "a"}, {"c", "a\x00b"}, {"c", "a\x01\x01b"}} {
		e.ok(d.SenderKeys.PutSenderKey(ctx, k[0], k[1], []byte{byte(i)}))
	}
	equal(t, "rows", e.rows("wa.skey"), 7)
	equalBytes(t, "smuggled", must(d.SenderKeys.GetSenderKey(ctx, "c", "a\x00b")), []byte{5})
}

func ids(list []*keys.PreKey) string {
	var out []uint32
	for _, k := range list {
		out = append(out, k.KeyID)
	}
	return fmt.Sprint(out)
}

func TestPreKeysUnuploadedFirstThenNew(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	first := must(d.PreKeys.GetOrGenPreKeys(ctx, 3))
	equal(t, "first", ids(first), "[1 2 3]")
	equal(t, "again", ids(must(d.PreKeys.GetOrGenPreKeys(ctx, 3))), "[1 2 3]")
	equal(t, "fewer", ids(must(d.PreKeys.GetOrGenPreKeys(ctx, 2))), "[1 2]")
	equal(t, "one", must(d.PreKeys.GenOnePreKey(ctx)).KeyID, 4)
	more := must(d.PreKeys.GetOrGenPreKeys(ctx, 5))
	equal(t, "gap", ids(more), "[1 2 3 5 6]")
	equal(t, "uploaded", must(d.PreKeys.UploadedPreKeyCount(ctx)), 1)
	e.reopen()
	d = e.load(*d.ID)
	for _, k := range append(first, more...) {
		got := must(d.PreKeys.GetPreKey(ctx, k.KeyID))
		if *got.Priv != *k.Priv || *got.Pub != *k.Pub || got.KeyID != k.KeyID || got.Signature != nil {
			t.Fatalf("pre-key %d differs", k.KeyID)
		}
	}
	e.ok(d.PreKeys.MarkPreKeysAsUploaded(ctx, 5))
	equal(t, "uploaded", must(d.PreKeys.UploadedPreKeyCount(ctx)), 5)
	equal(t, "left", ids(must(d.PreKeys.GetOrGenPreKeys(ctx, 2))), "[6 7]")
	e.unchanged("marking again", func() { e.ok(d.PreKeys.MarkPreKeysAsUploaded(ctx, 5)) })
}

func TestPreKeysAreOneCommit(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	before := e.commits()
	equal(t, "count", len(must(d.PreKeys.GetOrGenPreKeys(ctx, 300))), 300)
	equal(t, "commits", e.commits()-before, 1)
}

func TestPreKeyMissingAndRemovedTwice(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	if got := must(d.PreKeys.GetPreKey(ctx, 9)); got != nil {
		t.Fatalf("pre-key = %v", got)
	}
	must(d.PreKeys.GenOnePreKey(ctx))
	e.ok(d.PreKeys.RemovePreKey(ctx, 1))
	e.ok(d.PreKeys.RemovePreKey(ctx, 1))
}

func TestPreKeyIDsDoNotRestartAfterRemoval(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	must(d.PreKeys.GetOrGenPreKeys(ctx, 2))
	e.ok(d.PreKeys.RemovePreKey(ctx, 1))
	e.ok(d.PreKeys.RemovePreKey(ctx, 2))
	e.reopen()
	d = e.load(*d.ID)
	equal(t, "next id", must(d.PreKeys.GenOnePreKey(ctx)).KeyID, 3)
	d.PushName = "saved"
	e.ok(d.Save(ctx))
	equal(t, "next id after a save", must(d.PreKeys.GenOnePreKey(ctx)).KeyID, 4)
}

func TestRemovePreKeyRollsBackWithItsTransaction(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	must(d.PreKeys.GenOnePreKey(ctx))
	fails := errors.New("bad MAC")
	e.is(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		e.ok(d.PreKeys.RemovePreKey(ctx, 1))
		if got := must(d.PreKeys.GetPreKey(ctx, 1)); got != nil {
			t.Error("removed pre-key is still visible")
		}
		return fails
	}), fails)
	if got := must(d.PreKeys.GetPreKey(ctx, 1)); got == nil {
		t.Fatal("pre-key is gone after a rollback")
	}
}

func TestDevicesDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	e, a := one(t)
	b := e.pair(ourJID("100", 2))
	fill(e, a)
	equal(t, "HasSession", must(b.Sessions.HasSession(ctx, "7:0")), false)
	_, _, err := b.EventBuffer.GetOutgoingEvent(ctx, pnJID("7"), types.EmptyJID, "id")
	e.is(err, wastore.ErrNotFound)
	e.ok(b.Sessions.DeleteAllSessions(ctx, "7"))
	equal(t, "HasSession", must(a.Sessions.HasSession(ctx, "7:0")), true)
	equal(t, "pre-key", must(b.PreKeys.GenOnePreKey(ctx)).KeyID, 1)
}
