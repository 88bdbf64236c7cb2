package wastore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/store"
	"pombal/internal/wastore"
)

// outcome is what one call answered.
type outcome struct {
	step   *step
	text   string
	class  string // of the error
	device string // live or gone
	err    error
}

// world is both sides and what is known about the devices.
type world struct {
	path  string
	clock *clock
	allow *allowance
	db    *store.DB
	c     *wastore.Container
	ref   *reference
	slots [oracleDevices]slot
	gens  int
	// played is how many calls were made so far.
	played int
}

// slot is one phone. Each pairing that stores a new row is a generation; a
// Device of an earlier one is stale.
type slot struct {
	jid        types.JID
	row        int // generation of the row, 0 when there is none
	cur, stale device
}

// device is our side's handle, as the engine holds it.
type device struct {
	*wmstore.Device
	gen  int
	keys map[uint32][32]byte
}

func newWorld(dir string, allow *allowance) (*world, error) {
	w := &world{
		path: filepath.Join(dir, "pombal.db"), allow: allow,
		clock: &clock{at: time.Date(2026, 8, 15, 12, 0, 0, 0, time.UTC)},
	}
	ref, err := openReference(dir, w.clock.now, allow)
	if err != nil {
		return nil, err
	}
	w.ref = ref
	if err := w.open(); err != nil {
		return nil, err
	}
	for i := range w.slots {
		w.slots[i].jid = types.JID{User: []string{"777", "7771", "77"}[i], Device: uint16(i + 1), Server: types.DefaultUserServer}
		w.ref.slots[i].jid = w.slots[i].jid
		if o, r := w.change(&step{Call: "pair", Dev: i}); o.err != nil || r.err != nil {
			return nil, errors.Join(o.err, r.err)
		}
	}
	return w, nil
}

func (w *world) open() (err error) {
	if w.db, err = store.Open(w.path, store.Options{Now: w.clock.now, NoSync: true}); err != nil {
		return err
	}
	w.c, err = wastore.New(w.db, wastore.Options{Now: w.clock.now})
	return err
}

func (w *world) closeOurs() error { return errors.Join(w.c.Close(), w.db.Close()) }

func (w *world) close() error { return errors.Join(w.closeOurs(), w.ref.close()) }

func (s *slot) handle(stale bool) *device {
	if stale && s.stale.gen != 0 {
		return &s.stale
	}
	return &s.cur
}

func (w *world) alive(d *device, dev int) bool { return d.gen != 0 && d.gen == w.slots[dev].row }

func (w *world) ourParty(dev int, stale bool) *party {
	d := w.slots[dev].handle(stale)
	all := struct {
		wmstore.AllSessionSpecificStores
		wmstore.LIDStore
	}{d.Identities.(wmstore.AllSessionSpecificStores), d.LIDs}
	return &party{AllStores: all, keys: d.keys}
}

func (w *world) refParty(dev int, stale bool) *party {
	s := w.ref.party(dev, stale)
	return &party{AllStores: s, keys: s.keys}
}

// side is where a list of steps is run.
type side struct {
	w    *world
	ours bool
}

func (s side) party(st *step) *party {
	if s.ours {
		return s.w.ourParty(st.Dev, st.Stale)
	}
	return s.w.refParty(st.Dev, st.Stale)
}

// run does steps in turn and appends the answers in the order of the steps,
// the calls of a transaction before its own end.
func (s side) run(ctx context.Context, steps []step, out *[]outcome) {
	for i := range steps {
		s.one(ctx, &steps[i], out)
	}
}

func (s side) one(ctx context.Context, st *step, out *[]outcome) {
	o := outcome{step: st, device: "live"}
	if !s.w.alive(s.w.slots[st.Dev].handle(st.Stale), st.Dev) {
		o.device = "gone"
	}
	if st.Dead {
		over, cancel := context.WithCancel(ctx)
		cancel()
		ctx = over
	}
	if st.Call == "txn" {
		o.err = s.txn(ctx, st, out)
	} else {
		o.text, o.err = calls[st.Call].run(ctx, s.party(st), st)
	}
	o.class = classOf(o.err)
	if o.class != "ok" {
		o.text = "" // what comes with an error is nobody's business
	}
	*out = append(*out, o)
}

var errPanicked = errors.New("fn panicked")

func (s side) txn(ctx context.Context, st *step, out *[]outcome) (err error) {
	nested := ctx.Value(depthKey{}) != nil
	ctx, cancel := context.WithCancel(context.WithValue(ctx, depthKey{}, true))
	defer cancel()
	fn := func(ctx context.Context) error {
		s.run(ctx, st.Ops, out)
		switch {
		case st.End == "error":
			return errOfFn
		case st.End == "cancel":
			cancel()
		case st.End == "panic" && s.ours:
			panic(errPanicked)
		case st.End == "panic":
			return errPanicked
		}
		return nil
	}
	if !s.ours {
		before := s.w.ref.saveKeys()
		if err = s.w.ref.txn(ctx, st.Dev, st.Stale, st.End, fn); err != nil && s.w.ref.depth == 0 {
			s.w.ref.restoreKeys(before)
		}
		return err
	}
	before := s.w.saveKeys()
	defer func() {
		if r := recover(); r != nil {
			if r != any(errPanicked) {
				panic(r)
			}
			err = errPanicked
		}
		if err != nil && !nested {
			s.w.restoreKeys(before)
		}
	}()
	return s.party(st).DoDecryptionTxn(ctx, fn)
}

// depthKey marks the context of a transaction: a nested one that fails takes
// nothing back.
type depthKey struct{}

// saveKeys and restoreKeys take back the pre-keys of a transaction.
func (w *world) saveKeys() (saved [oracleDevices]map[uint32][32]byte) {
	for i := range w.slots {
		saved[i] = maps.Clone(w.slots[i].cur.keys)
	}
	return saved
}

func (w *world) restoreKeys(saved [oracleDevices]map[uint32][32]byte) {
	for i := range w.slots {
		w.slots[i].cur.keys = saved[i]
	}
}

func (r *reference) saveKeys() (saved [oracleDevices]map[uint32][32]byte) {
	for i := range r.slots {
		saved[i] = maps.Clone(r.slots[i].cur.keys)
	}
	return saved
}

func (r *reference) restoreKeys(saved [oracleDevices]map[uint32][32]byte) {
	for i := range r.slots {
		r.slots[i].cur.keys = saved[i]
	}
}

func isForeignKey(err error) bool {
	return err != nil && strings.Contains(err.Error(), "FOREIGN KEY constraint failed")
}

// classOf maps the errors of both sides to the same few words.
func classOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case err == errOfFn:
		return "fn" // itself, not wrapped: the engine looks for its own errors
	case err == errPanicked:
		return "panic"
	case wraps(err, wastore.ErrDeviceGone), wraps(err, errRefGone), isForeignKey(err):
		return "gone"
	case wraps(err, wastore.ErrInvalid), wraps(err, wastore.ErrDuplicate), wraps(err, errRefConstraint),
		strings.Contains(err.Error(), "constraint failed"), strings.Contains(err.Error(), "invalid GetLIDForPN call"),
		strings.Contains(err.Error(), "invalid GetPNForLID call"), strings.Contains(err.Error(), "invalid PutLIDMapping call"):
		return "constraint"
	case wraps(err, wastore.ErrNotFound), wraps(err, wastore.ErrNoDevice), wraps(err, sql.ErrNoRows):
		return "missing"
	case wraps(err, wastore.ErrDeviceIDMustBeSet), wraps(err, sqlstore.ErrDeviceIDMustBeSet):
		return "no id"
	case wraps(err, context.Canceled), wraps(err, sql.ErrTxDone):
		return "cancelled"
	}
	return "other: " + err.Error()
}

// wraps is errors.Is without the Is methods: every failure of ours says that it
// is a cancelled context, and the reference's double errors ask the target.
func wraps(err, target error) bool {
	if err == target {
		return true
	}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		return wraps(err.Unwrap(), target)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(err.Unwrap(), func(e error) bool { return wraps(e, target) })
	}
	return false
}

// honest checks that an error of ours reads as it must to the engine: like a
// cancelled context unless it is the caller's mistake or an answer.
func honest(o outcome) error {
	plain := errors.Is(o.err, wastore.ErrInvalid) || o.class == "missing" || o.class == "no id" ||
		o.class == "fn" || o.class == "panic" || o.class == "ok"
	if plain == errors.Is(o.err, context.Canceled) {
		return fmt.Errorf("%s: the error %q reads as cancelled: %v", o.step.Call, o.err, !plain)
	}
	return nil
}
