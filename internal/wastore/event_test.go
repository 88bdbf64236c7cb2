package wastore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"pombal/internal/wastore"
)

const day = 24 * time.Hour

func TestBufferedEventLifeCycle(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	buffer := d.EventBuffer
	if got := must(buffer.GetBufferedEvent(ctx, key32(1))); got != nil {
		t.Fatalf("missing = %v", got)
	}
	e.ok(buffer.PutBufferedEvent(ctx, key32(1), []byte("plain"), time.Unix(77, 999)))
	got := must(buffer.GetBufferedEvent(ctx, key32(1)))
	equalBytes(t, "plaintext", got.Plaintext, []byte("plain"))
	equal(t, "server time in seconds", got.ServerTime, time.Unix(77, 0))
	equal(t, "insert time", got.InsertTime.Equal(e.clock.now()), true)

	inserted := got.InsertTime
	e.clock.advance(3 * day)
	err := buffer.PutBufferedEvent(ctx, key32(1), []byte("again"), time.Unix(78, 0))
	e.is(err, context.Canceled) // the message must come again and meet the row
	e.ok(buffer.ClearBufferedEventPlaintext(ctx, key32(1)))
	e.ok(buffer.ClearBufferedEventPlaintext(ctx, key32(2)))
	e.reopen()
	buffer = e.load(*d.ID).EventBuffer
	got = must(buffer.GetBufferedEvent(ctx, key32(1)))
	equalBytes(t, "processed", got.Plaintext, nil)
	equal(t, "insert time kept", got.InsertTime, inserted)
	equal(t, "rows", e.rows("wa.evb"), 1)
}

func TestBufferedEventPutAndClearedInOneTransaction(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		e.ok(d.EventBuffer.PutBufferedEvent(ctx, key32(1), []byte("p"), time.Unix(1, 0)))
		return d.EventBuffer.ClearBufferedEventPlaintext(ctx, key32(1))
	}))
	got := must(d.EventBuffer.GetBufferedEvent(ctx, key32(1)))
	if got == nil || got.Plaintext != nil {
		t.Fatalf("event = %v", got)
	}
}

func TestDuplicateBufferedEventRollsBackTheDecryption(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.EventBuffer.PutBufferedEvent(ctx, key32(1), []byte("p"), time.Unix(1, 0)))
	err := d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		e.ok(d.Sessions.PutSession(ctx, "7:0", []byte("stepped")))
		return d.EventBuffer.PutBufferedEvent(ctx, key32(1), []byte("p"), time.Unix(1, 0))
	})
	if err == nil {
		t.Fatal("duplicate accepted")
	}
	equal(t, "HasSession", must(d.Sessions.HasSession(ctx, "7:0")), false)
}

func TestOutgoingEventUpsertAndChats(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	out := d.EventBuffer
	pn, lid := pnJID("7"), lidJID("9")
	_, _, err := out.GetOutgoingEvent(ctx, pn, types.EmptyJID, "id")
	e.is(err, wastore.ErrNotFound)
	if errors.Is(err, context.Canceled) {
		t.Fatal("an answer reads as a cancellation")
	}
	e.is(out.AddOutgoingEvent(ctx, types.EmptyJID, "id", "wa", []byte("x")), wastore.ErrInvalid)
	e.is(out.AddOutgoingEvent(ctx, pn, "id", "wa", nil), wastore.ErrInvalid)
	show := func(chat, alt types.JID) string {
		format, plain, err := out.GetOutgoingEvent(ctx, chat, alt, "id")
		if err != nil {
			return "none"
		}
		return format + " " + string(plain)
	}
	e.ok(out.AddOutgoingEvent(ctx, lid, "id", "wa", []byte("1")))
	equal(t, "by alternative", show(pn, lid), "wa 1")
	equal(t, "alternative empty", show(pn, types.EmptyJID), "none")
	equal(t, "chat as given", show(types.JID{User: "9", Device: 1, Server: types.HiddenUserServer}, types.EmptyJID), "none")
	e.ok(out.AddOutgoingEvent(ctx, lid, "id", "fb", []byte{}))
	equal(t, "replaced", show(lid, pn), "fb ")
	e.ok(out.AddOutgoingEvent(ctx, pn, "id", "wa", []byte("2")))
	e.clock.advance(2 * day)
	e.ok(out.AddOutgoingEvent(ctx, lid, "id", "wa", []byte("3")))
	equal(t, "chat before alternative", show(pn, lid), "wa 2")
	equal(t, "later day hides the earlier", show(lid, pn), "wa 3")
}

func TestSweepDropsOldDaysAndMonths(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	jid := pnJID("7")
	put := func(id string) {
		e.ok(d.EventBuffer.AddOutgoingEvent(ctx, jid, id, "wa", []byte("x")))
		e.ok(d.EventBuffer.PutBufferedEvent(ctx, key32(id[0]), []byte("x"), time.Unix(1, 0)))
		e.ok(d.MsgSecrets.PutMessageSecret(ctx, jid, jid, id, []byte("x")))
	}
	sweep := func() {
		for left := true; left; {
			left = must(e.c.Sweep(ctx, 1))
		}
	}
	put("a")
	for _, step := range []struct {
		after                    time.Duration
		outgoing, buffer, secret int
	}{
		{7 * day, 1, 1, 1}, // exactly 7 days old: stays
		{day, 0, 1, 1},     // its day is over
		{6 * day, 0, 1, 1}, // exactly 14 days
		{day, 0, 0, 1},
		{366 * day, 0, 0, 1}, // twelve months later, in its last one
		{day, 0, 0, 0},
	} {
		e.clock.advance(step.after)
		sweep()
		equal(t, "outgoing after "+step.after.String(), e.rows("wa.retry"), step.outgoing)
		equal(t, "buffered after "+step.after.String(), e.rows("wa.evb"), step.buffer)
		equal(t, "secrets after "+step.after.String(), e.rows("wa.sec"), step.secret)
	}
	e.unchanged("nothing to sweep", func() { equal(t, "left", must(e.c.Sweep(ctx, 100)), false) })
	put("b")
	e.is(func() error { _, err := e.c.Sweep(ctx, 0); return err }(), wastore.ErrInvalid)
	e.c.KeepSecrets(1)
	e.clock.advance(70 * day)
	sweep()
	equal(t, "secrets after more than a month", e.rows("wa.sec"), 0)
}

func TestSweepClearsDeletedDevicesInSmallSteps(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	keep := e.pair(ourJID("200", 1))
	fill(e, d)
	total := 0
	for _, bucket := range deviceBuckets {
		total += e.rows(bucket)
	}
	fill(e, keep)
	e.ok(e.c.Erase(ctx, *d.ID))
	e.reopen() // the tombstone is on disk
	keep = e.load(*keep.ID)
	steps := 0
	for left := true; left; steps++ {
		before := 0
		for _, bucket := range deviceBuckets {
			before += e.rows(bucket)
		}
		left = must(e.c.Sweep(ctx, 4))
		after := 0
		for _, bucket := range deviceBuckets {
			after += e.rows(bucket)
		}
		if before-after > 4 {
			t.Fatalf("%d rows in one step", before-after)
		}
	}
	if steps < total/4 {
		t.Fatalf("%d steps for %d rows", steps, total)
	}
	sum := 0
	for _, bucket := range deviceBuckets {
		sum += e.rows(bucket)
	}
	equal(t, "rows of the other device", sum, total)
	equal(t, "tombstones", e.rows("wa.gone"), 0)
	equal(t, "HasSession", must(keep.Sessions.HasSession(ctx, "7:0")), true)
}

func TestSweepKeepsTheOldestDayThatMayStay(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	for range 2 {
		e.ok(d.EventBuffer.AddOutgoingEvent(ctx, group, "id", "wa", []byte("x")))
		e.clock.advance(day)
	}
	e.clock.advance(6 * day)
	equal(t, "left", must(e.c.Sweep(ctx, 100)), false)
	equal(t, "rows", e.rows("wa.retry"), 1)
}

func TestClearDoesNotBringASweptDayBack(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.EventBuffer.PutBufferedEvent(ctx, key32(1), []byte("x"), time.Unix(1, 0)))
	e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(tx context.Context) error {
		e.ok(d.EventBuffer.ClearBufferedEventPlaintext(tx, key32(1)))
		e.clock.advance(16 * day)
		_, err := e.c.Sweep(ctx, 100)
		return err
	}))
	equal(t, "rows", e.rows("wa.evb"), 0)
}
