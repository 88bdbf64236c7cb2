package wastore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"

	"pombal/internal/wastore"
)

func TestTxnCommitsTogetherInOneCommit(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	before := e.commits()
	e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(tx context.Context) error {
		e.ok(d.Sessions.PutSession(tx, "7:0", []byte("s")))
		e.ok(d.Identities.PutIdentity(tx, "7:0", key32(1)))
		equal(t, "seen within", must(d.Sessions.HasSession(tx, "7:0")), true)
		equal(t, "seen outside", must(d.Sessions.HasSession(ctx, "7:0")), false)
		e.ok(d.Sessions.DeleteSession(tx, "7:0"))
		equal(t, "deleted within", must(d.Sessions.HasSession(tx, "7:0")), false)
		e.ok(d.Sessions.PutManySessions(tx, map[string][]byte{"7:0": []byte("t"), "7:1": []byte("u")}))
		e.ok(d.Sessions.DeleteAllSessions(tx, "7"))
		return d.Sessions.PutSession(tx, "7:2", []byte("v"))
	}))
	equal(t, "commits", e.commits()-before, 1)
	equal(t, "rows", e.rows("wa.sess"), 1)
	equalBytes(t, "session", must(d.Sessions.GetSession(ctx, "7:2")), []byte("v"))
}

func TestTxnRollsBack(t *testing.T) {
	t.Parallel()
	fails := errors.New("old counter")
	for name, end := range map[string]func(cancel func()) error{
		"error":  func(func()) error { return fails },
		"cancel": func(cancel func()) error { cancel(); return nil },
		"panic":  func(func()) error { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, d := one(t)
			e.ok(d.Sessions.PutSession(ctx, "7:0", []byte("before")))
			cancellable, cancel := context.WithCancel(ctx)
			defer cancel()
			var err error
			panicked := func() (r any) {
				defer func() { r = recover() }()
				err = d.EventBuffer.DoDecryptionTxn(cancellable, func(ctx context.Context) error {
					e.ok(d.Sessions.PutSession(ctx, "7:0", []byte("after")))
					e.ok(d.EventBuffer.PutBufferedEvent(ctx, key32(1), []byte("p"), time.Unix(1, 0)))
					return end(cancel)
				})
				return nil
			}()
			switch name {
			case "error":
				equal(t, "fn's own error", err, fails)
			case "cancel":
				e.is(err, context.Canceled)
			case "panic":
				equal(t, "fn's own panic", panicked, any("boom"))
			}
			equalBytes(t, "session", must(d.Sessions.GetSession(ctx, "7:0")), []byte("before"))
			equal(t, "events", e.rows("wa.evb"), 0)
			// The device is free again.
			e.ok(d.Sessions.PutSession(ctx, "7:0", []byte("next")))
		})
	}
}

func TestTxnNestedJoinsWithoutSavepoint(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	fails := errors.New("inner")
	e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		err := d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
			e.ok(d.Sessions.PutSession(ctx, "7:0", []byte("inner")))
			return fails
		})
		equal(t, "inner error", err, fails)
		return nil
	}))
	equal(t, "kept by the outer", must(d.Sessions.HasSession(ctx, "7:0")), true)
	e.is(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
			return d.Sessions.PutSession(ctx, "8:0", []byte("inner"))
		}))
		return fails
	}), fails)
	equal(t, "dropped by the outer", must(d.Sessions.HasSession(ctx, "8:0")), false)
}

func TestTxnFinishedInASurvivingContext(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	var survivor context.Context
	e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		survivor = context.WithoutCancel(ctx)
		return d.Sessions.PutSession(ctx, "7:0", []byte("a"))
	}))
	e.ok(d.Sessions.PutSession(survivor, "7:0", []byte("b")))
	equalBytes(t, "session", must(d.Sessions.GetSession(survivor, "7:0")), []byte("b"))
	e.ok(d.LIDs.PutLIDMapping(survivor, lidJID("A"), pnJID("7")))
	equal(t, "LID", must(d.LIDs.GetLIDForPN(survivor, pnJID("7"))).User, "A")
	e.ok(d.EventBuffer.DoDecryptionTxn(survivor, func(ctx context.Context) error {
		return d.Sessions.PutSession(ctx, "7:0", []byte("c"))
	}))
	equalBytes(t, "session", must(d.Sessions.GetSession(ctx, "7:0")), []byte("c"))
}

func TestTxnFailedCallLeavesNothingOfItself(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		e.ok(d.NCTSalt.PutNCTSalt(ctx, []byte("kept")))
		err := d.MsgSecrets.PutMessageSecrets(ctx, []wmstore.MessageSecretInsert{
			{Chat: group, Sender: pnJID("7"), ID: "1", Secret: []byte("x")},
			{Chat: group, Sender: pnJID("7"), ID: "2"},
		})
		e.is(err, wastore.ErrInvalid)
		return nil
	}))
	equal(t, "secrets", e.rows("wa.sec"), 0)
	equal(t, "salt", e.rows("wa.nct"), 1)
}

func TestTxnOfAnotherContainerIsNotJoined(t *testing.T) {
	t.Parallel()
	a, da := one(t)
	b, db := one(t)
	rollback := errors.New("rollback")
	a.is(da.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		b.ok(db.Sessions.PutSession(ctx, "7:0", []byte("b")))
		a.ok(da.Sessions.PutSession(ctx, "7:0", []byte("a")))
		return rollback
	}), rollback)
	equal(t, "own", must(da.Sessions.HasSession(ctx, "7:0")), false)
	equal(t, "other", must(db.Sessions.HasSession(ctx, "7:0")), true)
}

func TestTxnSpansDevicesAllOrNothing(t *testing.T) {
	t.Parallel()
	e, a := one(t)
	b := e.pair(ourJID("200", 1))
	e.is(a.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		e.ok(a.Sessions.PutSession(ctx, "7:0", []byte("a")))
		e.ok(b.Sessions.PutSession(ctx, "7:0", []byte("b")))
		return e.c.Erase(context.WithoutCancel(ctx), *b.ID)
	}), wastore.ErrDeviceGone)
	equal(t, "HasSession", must(a.Sessions.HasSession(ctx, "7:0")), false)
	equal(t, "rows", e.rows("wa.sess"), 0)
}

func TestDeviceErasedDuringItsTransaction(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	err := d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		e.ok(d.Sessions.PutSession(ctx, "7:0", []byte("a")))
		e.ok(e.c.Erase(ctx, *d.ID)) // from this very goroutine: must not hang
		e.is(d.Sessions.PutSession(ctx, "7:1", []byte("a")), wastore.ErrDeviceGone)
		return nil
	})
	e.is(err, wastore.ErrDeviceGone)
	equal(t, "rows", e.rows("wa.sess"), 0)
}

func TestPreKeysWithinTransaction(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	rollback := errors.New("rollback")
	e.is(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		equal(t, "ids", ids(must(d.PreKeys.GetOrGenPreKeys(ctx, 2))), "[1 2]")
		equal(t, "id", must(d.PreKeys.GenOnePreKey(ctx)).KeyID, 3)
		return rollback
	}), rollback)
	equal(t, "rows", e.rows("wa.pkey"), 0)
	equal(t, "id", must(d.PreKeys.GenOnePreKey(ctx)).KeyID, 1)
}

// Twenty devices at once on one container, as the detector of races sees them,
// with deletion, loading and sweeping beside them.
func TestManyDevicesInParallel(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const devices, rounds = 20, 15
	var wg sync.WaitGroup
	for i := range devices {
		d := e.pair(ourJID(fmt.Sprint(1000+i), 1))
		wg.Go(func() {
			for r := range rounds {
				if err := message(d, r); err != nil {
					t.Errorf("device %d round %d: %v", i, r, err)
					return
				}
			}
		})
		wg.Go(func() { // a send beside the receiving
			for r := range rounds {
				_, err := d.Sessions.GetManySessions(ctx, []string{"7:0", "8:0"})
				err = errors.Join(err, d.Sessions.PutManySessions(ctx, map[string][]byte{"8:0": {byte(r)}}))
				_, more := d.PreKeys.GetOrGenPreKeys(ctx, 3)
				_, again := e.c.Device(ctx, *d.ID)
				if err := errors.Join(err, more, again); err != nil {
					t.Errorf("device %d send %d: %v", i, r, err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for i := range rounds {
			d := e.c.NewDevice()
			jid := ourJID("55", uint16(i))
			d.ID, d.Account = &jid, account()
			err := errors.Join(d.Save(ctx), message(d, 0), e.c.Erase(ctx, jid))
			_, more := e.c.Sweep(ctx, 2)
			if err := errors.Join(err, more); err != nil {
				t.Errorf("erased device %d: %v", i, err)
			}
		}
	})
	wg.Wait()
	for i := range devices {
		d := e.load(ourJID(fmt.Sprint(1000+i), 1))
		equal(t, "session", string(must(d.Sessions.GetSession(ctx, "7:0"))), fmt.Sprint("step ", rounds-1))
	}
	equal(t, "events", e.rows("wa.evb") >= devices*rounds, true)
	// All moved number 7 about; whoever was last, the map must mirror itself.
	lids := e.load(ourJID("1000", 1)).LIDs
	last := must(lids.GetLIDForPN(ctx, pnJID("7")))
	equal(t, "number", must(lids.GetPNForLID(ctx, last)).User, "7")
	equal(t, "LID rows", e.rows("wa.lid"), 2)
}

// message makes the store calls of one received message.
func message(d *wmstore.Device, round int) error {
	if err := d.LIDs.PutLIDMapping(ctx, lidJID(fmt.Sprint("L", round)), pnJID("7")); err != nil {
		return err
	}
	hash := key32(byte(round + 1))
	err := d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		if _, err := d.Sessions.GetSession(ctx, "7:0"); err != nil {
			return err
		}
		return errors.Join(
			d.Identities.PutIdentity(ctx, "7:0", key32(1)),
			d.Sessions.PutSession(ctx, "7:0", fmt.Append(nil, "step ", round)),
			d.EventBuffer.PutBufferedEvent(ctx, hash, []byte("plain"), time.Unix(1, 0)),
		)
	})
	return errors.Join(err, d.EventBuffer.ClearBufferedEventPlaintext(ctx, hash))
}

func TestTxnScansInKeyOrder(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.AppState.PutAppStateVersion(ctx, "n", 1, [128]byte{}))
	e.ok(d.AppState.PutAppStateMutationMACs(ctx, "n", 10, []wmstore.AppStateMutationMAC{mac(1, 10)}))
	e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		for _, version := range []uint64{2, 9} {
			e.ok(d.AppState.PutAppStateMutationMACs(ctx, "n", version, []wmstore.AppStateMutationMAC{mac(1, byte(version))}))
		}
		equalBytes(t, "highest version", must(d.AppState.GetAppStateMutationMAC(ctx, "n", mac(1, 0).IndexMAC)), mac(1, 10).ValueMAC)
		e.ok(d.AppState.PutAppStateMutationMACs(ctx, "n", 11, []wmstore.AppStateMutationMAC{mac(1, 11)}))
		equalBytes(t, "highest version", must(d.AppState.GetAppStateMutationMAC(ctx, "n", mac(1, 0).IndexMAC)), mac(1, 11).ValueMAC)
		return nil
	}))
}

// A call with another context, on the goroutine of an open transaction, waits
// for itself. It must end, and so must the transaction.
func TestForeignContextWithinATransactionEnds(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	expired, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(tx context.Context) error {
		e.is(d.Sessions.PutSession(expired, "7:0", []byte("s")), context.DeadlineExceeded)
		equal(t, "reading does not wait", must(d.Sessions.HasSession(ctx, "7:0")), false)
		return d.Sessions.PutSession(tx, "7:0", []byte("t"))
	}))
	equalBytes(t, "session", must(d.Sessions.GetSession(ctx, "7:0")), []byte("t"))
}
