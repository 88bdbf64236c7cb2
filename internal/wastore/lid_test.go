package wastore_test

import (
	"context"
	"errors"
	"testing"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/wastore"
)

// twins shows what the map answers for LIDs A, B and numbers 7, 8.
func twins(e *env, lids wmstore.LIDStore, ctx context.Context) string {
	e.Helper()
	out := ""
	for _, lid := range []string{"A", "B"} {
		out += lid + must(lids.GetPNForLID(ctx, lidJID(lid))).User + " "
	}
	for _, pn := range []string{"7", "8"} {
		out += pn + must(lids.GetLIDForPN(ctx, pnJID(pn))).User + " "
	}
	return out
}

func TestLIDMapIsBijective(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	for _, step := range []struct{ lid, pn, want string }{
		{"A", "7", "A7 B 7A 8 "},
		{"A", "7", "A7 B 7A 8 "},
		{"B", "8", "A7 B8 7A 8B "},
		{"A", "8", "A8 B 7 8A "}, // A moves from 7 to 8, 8 from B to A
		{"B", "8", "A B8 7 8B "}, // 8 moves back
		{"B", "7", "A B7 7B 8 "}, // B moves
	} {
		e.ok(d.LIDs.PutLIDMapping(ctx, lidJID(step.lid), pnJID(step.pn)))
		equal(t, step.lid+"="+step.pn, twins(e, d.LIDs, ctx), step.want)
		e.reopen()
		d = e.load(*d.ID)
		equal(t, "after reopening", twins(e, d.LIDs, ctx), step.want)
	}
	equal(t, "rows", e.rows("wa.lid"), 2)
}

func TestLIDLookupsKeepTheDevice(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.LIDs.PutLIDMapping(ctx, types.JID{User: "A", Device: 3, Server: types.HiddenUserServer}, ourJID("7", 9)))
	equal(t, "LID", must(d.LIDs.GetLIDForPN(ctx, ourJID("7", 4))).String(), "A:4@lid")
	equal(t, "PN", must(d.LIDs.GetPNForLID(ctx, types.JID{User: "A", Device: 5, Server: types.HiddenUserServer})).String(), "7:5@s.whatsapp.net")
	equal(t, "missing", must(d.LIDs.GetLIDForPN(ctx, ourJID("8", 4))), types.JID{})
	many := must(d.LIDs.GetManyLIDsForPNs(ctx, []types.JID{ourJID("7", 1), pnJID("7"), pnJID("8"), lidJID("A"), group}))
	equal(t, "many", len(many), 2)
	equal(t, "with device", many[ourJID("7", 1)].String(), "A:1@lid")
	equal(t, "without device", many[pnJID("7")].String(), "A@lid")
}

func TestLIDMapWrongServers(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.is(d.LIDs.PutLIDMapping(ctx, pnJID("7"), lidJID("A")), wastore.ErrInvalid)
	_, err := d.LIDs.GetLIDForPN(ctx, lidJID("A"))
	e.is(err, wastore.ErrInvalid)
	_, err = d.LIDs.GetPNForLID(ctx, pnJID("A"))
	e.is(err, wastore.ErrInvalid)
	// In a list they are skipped.
	e.ok(d.LIDs.PutManyLIDMappings(ctx, []wmstore.LIDMapping{
		{LID: pnJID("A"), PN: pnJID("7")}, {LID: lidJID("B"), PN: pnJID("8")}, {LID: lidJID("B"), PN: group},
	}))
	equal(t, "twins", twins(e, d.LIDs, ctx), "A B8 7 8B ")
}

func TestLIDMapAfterRollbackAnswersWhatIsStored(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.LIDs.PutLIDMapping(ctx, lidJID("A"), pnJID("7")))
	rollback := errors.New("rollback")
	for _, want := range []error{rollback, nil} {
		err := d.EventBuffer.DoDecryptionTxn(ctx, func(tx context.Context) error {
			e.ok(d.LIDs.PutLIDMapping(tx, lidJID("B"), pnJID("7")))
			equal(t, "within", twins(e, d.LIDs, tx), "A B7 7B 8 ")
			equal(t, "outside", twins(e, d.LIDs, ctx), "A7 B 7A 8 ")
			return want
		})
		e.is(err, want)
		if want != nil {
			equal(t, "rolled back", twins(e, d.LIDs, ctx), "A7 B 7A 8 ")
		}
	}
	equal(t, "committed", twins(e, d.LIDs, ctx), "A B7 7B 8 ")
	e.reopen()
	equal(t, "stored", twins(e, e.load(*d.ID).LIDs, ctx), "A B7 7B 8 ")
}

func TestLIDPairsOfATransactionMeetLaterOnes(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(tx context.Context) error {
		e.ok(d.LIDs.PutLIDMapping(tx, lidJID("A"), pnJID("7")))
		// Another device learns something else before this commits.
		return d.LIDs.PutLIDMapping(ctx, lidJID("A"), pnJID("8"))
	}))
	equal(t, "twins", twins(e, d.LIDs, ctx), "A7 B 7A 8 ")
	e.reopen()
	equal(t, "stored", twins(e, e.load(*d.ID).LIDs, ctx), "A7 B 7A 8 ")
}

func TestLIDMapBelongsToNoDevice(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.LIDs.PutLIDMapping(ctx, lidJID("A"), pnJID("7")))
	e.ok(e.c.Erase(ctx, *d.ID))
	e.ok(d.LIDs.PutLIDMapping(ctx, lidJID("B"), pnJID("8")))
	equal(t, "twins", twins(e, e.pair(ourJID("2", 2)).LIDs, ctx), "A7 B8 7A 8B ")
}

func TestLIDMapAfterAFailedCommitAnswersWhatIsStored(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.is(d.EventBuffer.DoDecryptionTxn(ctx, func(tx context.Context) error {
		e.ok(d.LIDs.PutLIDMapping(tx, lidJID("A"), pnJID("7")))
		e.ok(d.Sessions.PutSession(tx, "7:0", []byte("s")))
		return e.c.Erase(ctx, *d.ID)
	}), wastore.ErrDeviceGone)
	equal(t, "twins", twins(e, d.LIDs, ctx), "A B 7 8 ")
	equal(t, "rows", e.rows("wa.lid"), 0)
}
