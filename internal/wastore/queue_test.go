package wastore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/wastore"
)

// hold keeps the committer busy until the returned function is called.
func (e *env) hold() (release func()) {
	held, free, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		_ = e.db.Update(ctx, func(*bbolt.Tx) error { close(held); <-free; return nil })
	}()
	<-held
	return func() { close(free); <-over }
}

func TestQueuedChangesCountAtOnce(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.Sessions.PutSession(ctx, "7:0", []byte("disk")))
	release := e.hold()
	e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		e.ok(d.Sessions.PutSession(ctx, "7:0", []byte("queued")))
		e.ok(d.Sessions.PutSession(ctx, "7:1", []byte("new")))
		return d.EventBuffer.PutBufferedEvent(ctx, key32(1), []byte("plain"), time.Unix(1, 0))
	}))
	e.ok(d.LIDs.PutLIDMapping(ctx, lidJID("A"), pnJID("7")))
	for _, chat := range []string{"1", "2"} {
		_, _, err := d.Contacts.PutPushName(ctx, pnJID(chat), "name "+chat)
		e.ok(err)
	}
	equalBytes(t, "changed", must(d.Sessions.GetSession(ctx, "7:0")), []byte("queued"))
	equalBytes(t, "added", must(d.Sessions.GetSession(ctx, "7:1")), []byte("new"))
	equal(t, "LID", must(d.LIDs.GetLIDForPN(ctx, pnJID("7"))).User, "A")
	equal(t, "contacts", len(must(d.Contacts.GetAllContacts(ctx))), 2)
	equalBytes(t, "event", must(d.EventBuffer.GetBufferedEvent(ctx, key32(1))).Plaintext, []byte("plain"))
	e.ok(d.EventBuffer.ClearBufferedEventPlaintext(ctx, key32(1)))
	equalBytes(t, "cleared", must(d.EventBuffer.GetBufferedEvent(ctx, key32(1))).Plaintext, nil)
	release()
	e.reopen()
	d = e.load(ourJID("100", 1))
	equalBytes(t, "changed, on disk", must(d.Sessions.GetSession(ctx, "7:0")), []byte("queued"))
	equal(t, "contacts on disk", len(must(d.Contacts.GetAllContacts(ctx))), 2)
	equal(t, "LID on disk", must(d.LIDs.GetLIDForPN(ctx, pnJID("7"))).User, "A")
}

// What must not be lost when the process dies is on disk when its call returns.
func TestCallsThatWait(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	calls := map[string]func(context.Context) error{
		"PutSession": func(ctx context.Context) error { return d.Sessions.PutSession(ctx, "7:0", []byte("a")) },
		"PutManySessions": func(ctx context.Context) error {
			return d.Sessions.PutManySessions(ctx, map[string][]byte{"7:0": []byte("b")})
		},
		"PutSenderKey":    func(ctx context.Context) error { return d.SenderKeys.PutSenderKey(ctx, "g", "7:0", []byte("a")) },
		"GetOrGenPreKeys": func(ctx context.Context) error { _, err := d.PreKeys.GetOrGenPreKeys(ctx, 2); return err },
		"GenOnePreKey":    func(ctx context.Context) error { _, err := d.PreKeys.GenOnePreKey(ctx); return err },
		"unchanged": func(ctx context.Context) error {
			// Queued already, so there is nothing to write, but to wait for.
			err := d.EventBuffer.DoDecryptionTxn(context.WithoutCancel(ctx), func(ctx context.Context) error {
				return d.Sessions.PutSession(ctx, "8:0", []byte("q"))
			})
			e.ok(err)
			return d.Sessions.PutSession(ctx, "8:0", []byte("q"))
		},
		"Save": func(ctx context.Context) error { d.PushName = "changed"; return d.Save(ctx) },
	}
	for name, call := range calls {
		release := e.hold()
		short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		e.is(call(short), context.DeadlineExceeded)
		cancel()
		release()
		if err := call(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManyQueuedChangesOfOneDevice(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	release := e.hold()
	for i := range 500 {
		_, _, err := d.Contacts.PutPushName(ctx, pnJID(fmt.Sprint(i%50)), fmt.Sprint("name ", i))
		e.ok(err)
	}
	equal(t, "last one counts", must(d.Contacts.GetContact(ctx, pnJID("7"))).PushName, "name 457")
	release()
	equal(t, "rows", e.rows("wa.cont"), 50)
	equal(t, "last one is on disk", must(d.Contacts.GetContact(ctx, pnJID("7"))).PushName, "name 457")
}

func TestDeletedDeviceDropsWhatIsQueued(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	release := e.hold()
	erased := make(chan error, 1)
	e.ok(d.Identities.PutIdentity(ctx, "7:0", key32(1)))
	go func() { erased <- e.c.Erase(ctx, *d.ID) }()
	release()
	e.ok(<-erased)
	e.is(d.Identities.PutIdentity(ctx, "7:1", key32(1)), wastore.ErrDeviceGone)
	equal(t, "identities of nobody", e.rows("wa.ident") <= 1, true)
	for left := true; left; {
		left = must(e.c.Sweep(ctx, 10))
	}
	equal(t, "identities", e.rows("wa.ident"), 0)
}
