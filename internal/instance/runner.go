package instance

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"pombal/internal/event"
	"pombal/internal/live"
)

// runner owns one instance: its session, its timers, its stored state. All of
// it is touched by the mailbox's goroutine alone; everybody else posts into the
// mailbox or reads the snapshot.
type runner struct {
	deps *shared
	id   string
	log  *slog.Logger
	box  *mailbox
	done chan struct{} // closed when the mailbox is closed

	snap    atomic.Pointer[Instance]  // what is stored, for readers
	pairing atomic.Pointer[Pairing]   // the QR code on the screen, nil when none
	typed   atomic.Pointer[TypedCode] // the pairing code on the screen, nil when none
	passkey atomic.Pointer[Passkey]   // the passkey step under way, nil when none
	watched atomic.Int64              // when somebody last looked, Unix nanoseconds
	seen    atomic.Int64              // last proof of life, Unix nanoseconds
	replace atomic.Bool               // another number may be linked this time
	other   atomic.Pointer[string]    // the number that AllowPair refused
	busy    atomic.Int64              // workers under way

	// The rest belongs to the goroutine.
	in          Instance          // what is, stored or about to be
	actor       string            // who is behind what is done now; empty: nobody but us
	unsaved     []func(*Instance) // facts that the disk refused so far
	sess        Session
	sink        *sink // what sess talks to
	gen         int   // changes with every session; stale signals carry an old one
	attempt     int   // changes with every dial; stale outcomes carry an old one
	cancel      context.CancelFunc
	dialing     bool
	down        bool     // the socket was closed here; what the connection still tells is old news
	queued      bool     // a dial waits for its place in the lane
	urgent      bool     // somebody waits for the next dial
	blind       bool     // no code has come since the dial: nothing can be linked yet
	closing     int      // retired sessions that are still closing
	onceClosed  []func() // what waits for that besides opening
	unsettled   int      // those of them on which a phone may still accept
	onceSettled []func() // what waits for that
	removing    bool     // the instance is being deleted
	opening     func()   // what to do once they are closed
	early       bool     // connected before the link was known
	synced      bool     // missed messages have arrived on this connection
	missed      int      // how many were announced
	stream      SignalStreamError
	upSince     time.Time
	pushed      time.Time   // when somebody last asked for an attempt
	flaps       int         // connections in a row that did not last
	breaks      []time.Time // when connections broke lately
	longs       int         // long waits in a row because of breaks
	silent      int         // rounds of the watchdog without anything under way

	codes    []string
	code     int // index of the code on the screen
	round    int
	roundEnd time.Time // when WhatsApp closes the connection of the round
	seq      uint64
	wish     *codeWish
	lastCode time.Time // when a pairing code was last asked for

	logout  *logoutWait
	asking  int // the question about a logout that is under way; 0 when none
	asked   int // questions so far
	timers  map[timerName]Timer
	workers sync.WaitGroup // dials, closings, questions
	sends   *sender        // used by callers' goroutines
}

// timerName tells a runner's timers apart; setting one replaces the one of the
// same name.
type timerName int

const (
	timerCode     timerName = iota // the code on the screen expires
	timerWish                      // no pairing code came
	timerPasskey                   // the passkey step took too long
	timerDial                      // next connection attempt
	timerLogin                     // the login took too long
	timerSync                      // missed messages took too long
	timerSave                      // unsaved facts
	timerForget                    // keys that could not be erased
	timerLogout                    // WhatsApp did not answer to a logout
	timerAnnounce                  // webhooks hear of a lost connection
	timerReachout                  // the time lock ends
)

func newRunner(deps *shared, in Instance) *runner {
	r := &runner{
		deps: deps, id: in.ID, in: in, box: &mailbox{}, done: make(chan struct{}),
		log:    deps.Log.With("instance", in.ID),
		timers: make(map[timerName]Timer),
		sends:  newSender(deps.Pace),
	}
	if !in.SeenAt.IsZero() {
		r.seen.Store(in.SeenAt.UnixNano())
	}
	r.snap.Store(&in)
	return r
}

// do runs fn on the goroutine and waits for it. It answers ErrShuttingDown
// when the runner has ended, and ctx's error when the caller gave up; fn may
// still run then.
func (r *runner) do(ctx context.Context, fn func() error) error {
	answer := make(chan error, 1)
	if !r.box.post(func() { answer <- fn() }) {
		return ErrShuttingDown
	}
	return r.wait(ctx, answer)
}

// ask runs fn on the goroutine and waits until fn's answer function is called,
// which may be later and must be once.
func (r *runner) ask(ctx context.Context, fn func(answer func(error))) error {
	answer := make(chan error, 1)
	if !r.box.post(func() { fn(func(err error) { answer <- err }) }) {
		return ErrShuttingDown
	}
	return r.wait(ctx, answer)
}

func (r *runner) wait(ctx context.Context, answer <-chan error) error {
	select {
	case err := <-answer:
		return err
	case <-r.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer: // the last thing it did was ours
		return err
	default:
		return ErrShuttingDown
	}
}

// by names who is behind what is done until the returned function is called.
func (r *runner) by(actor string) (done func()) {
	before := r.actor
	r.actor = actor
	return func() { r.actor = before }
}

// work runs fn beside the goroutine; fn posts what it finds.
func (r *runner) work(fn func()) {
	r.busy.Add(1)
	r.workers.Go(func() {
		defer r.busy.Add(-1)
		fn()
	})
}

// stop closes the session and ends the goroutine, waiting for both. What is
// stored stays as it is, so that a restart goes on from there.
func (r *runner) stop() {
	r.sends.close()
	r.box.post(func() {
		for name := range r.timers {
			r.clear(name)
		}
		r.blank()
		r.retire()
		r.box.close()
		close(r.done)
	})
	<-r.done
	r.box.wait()
	r.workers.Wait()
}

func (r *runner) after(name timerName, d time.Duration, fn func()) {
	r.clear(name)
	var t Timer
	t = r.deps.clock.AfterFunc(d, func() {
		r.box.post(func() {
			if r.timers[name] == t { // not replaced meanwhile
				delete(r.timers, name)
				fn()
			}
		})
	})
	r.timers[name] = t
}

func (r *runner) clear(name timerName) {
	if t := r.timers[name]; t != nil {
		t.Stop()
		delete(r.timers, name)
	}
}

// apply stores a change that somebody asked for. When the disk refuses it,
// nothing has changed.
func (r *runner) apply(ctx context.Context, change func(*Instance) error) error {
	return r.store(ctx, r.in, func(in *Instance) error {
		for _, fact := range r.unsaved {
			fact(in)
		}
		return change(in)
	})
}

// note stores a fact. When the disk refuses it, it stays true here and is
// stored as soon as the disk takes it.
func (r *runner) note(fact func(*Instance)) {
	before := r.in
	r.unsaved = append(r.unsaved, fact)
	err := r.store(context.Background(), before, func(in *Instance) error {
		for _, f := range r.unsaved {
			f(in)
		}
		return nil
	})
	if err == nil {
		return
	}
	r.log.Error("store the state of an instance", "error", err)
	r.in = r.in.clone() // readers hold the old one
	fact(&r.in)
	r.publish(before)
	r.after(timerSave, r.deps.Timing.RetryStore, r.saveAgain)
}

func (r *runner) saveAgain() {
	if len(r.unsaved) > 0 {
		r.note(func(*Instance) {})
	}
}

func (r *runner) store(ctx context.Context, before Instance, change func(*Instance) error) error {
	now := r.deps.Now()
	stored, events, err := r.deps.Store.UpdateInstance(ctx, r.id, func(in *Instance) ([]event.Draft, error) {
		*in = in.clone()
		was := *in
		if err := change(in); err != nil {
			return nil, err
		}
		in.UpdatedAt, in.SeenAt = now, r.seenAt()
		in.Loaded = in.DeletedAt.IsZero() && runs(*in)
		drafts, told := transitionDrafts(was, *in, now, r.deps.Timing.Announce)
		in.Told = told
		return drafts, nil
	})
	if err != nil {
		return err
	}
	r.unsaved = nil
	r.clear(timerSave)
	r.in = stored
	r.publish(before)
	r.deps.Recorder.Recorded(events)
	r.announceLater(now)
	if changed(before, stored) {
		r.tell(Moment{Kind: MomentPhase, Actor: cmp.Or(ActorOf(ctx), r.actor)})
		r.log.Info("instance changed", "from", before.Status.Phase, "to", stored.Status.Phase,
			"reason", stored.Status.Reason, "code", stored.Status.Code)
	}
	return nil
}

// announceLater sees to it that webhooks hear of a lost connection once it has
// stayed lost for long enough.
func (r *runner) announceLater(now time.Time) {
	wait, held := holdsBack(r.in, now, r.deps.Timing.Announce)
	switch {
	case !held:
		r.clear(timerAnnounce)
	case r.timers[timerAnnounce] == nil:
		r.after(timerAnnounce, wait, func() { r.note(func(*Instance) {}) })
	}
}

func (r *runner) publish(before Instance) {
	snap := r.in
	r.snap.Store(&snap)
	r.deps.Notify(live.SignalInstance(r.id))
	if before.Status.Phase != snap.Status.Phase || before.Name != snap.Name {
		r.deps.Notify(live.SignalInstances)
	}
}

// enter notes a new phase. Since changes only when the phase does.
func (r *runner) enter(s Status) {
	now := r.deps.Now()
	r.note(func(in *Instance) {
		s.Since = now
		if in.Status.Phase == s.Phase {
			s.Since = in.Status.Since
		}
		in.Status = s
	})
}

// seenAt is the last proof of life.
func (r *runner) seenAt() time.Time {
	if ns := r.seen.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// instance is the snapshot with the newest proof of life.
func (r *runner) instance() Instance {
	in := *r.snap.Load()
	in.SeenAt = r.seenAt()
	return in
}
