package instance

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"pombal/internal/event"
	"pombal/internal/live"
)

// runner owns one instance: its session, its timers, its stored state. All of
// it is touched by the runner's own goroutine alone; everybody else posts into
// the mailbox or reads the snapshot.
type runner struct {
	deps *Deps
	id   string
	log  *slog.Logger
	box  *mailbox
	done chan struct{} // closed when the goroutine has ended

	snap    atomic.Pointer[Instance] // what is stored, for readers
	pairing atomic.Pointer[Pairing]  // the code on the screen, nil when none
	watched atomic.Int64             // when somebody last looked, Unix nanoseconds

	// The rest belongs to the goroutine.
	in      Instance          // what is, stored or about to be
	unsaved []func(*Instance) // facts that the disk refused so far
	sess    Session
	gen     int // changes with every session; stale signals carry an old one
	cancel  context.CancelFunc
	dialing bool
	closing int    // retired sessions of a linked device that are still closing
	opening func() // what to do once they are closed
	synced  bool   // missed messages have arrived on this connection
	upSince time.Time
	flaps   int // connections in a row that did not last
	codes   []string
	code    int // index of the code on the screen
	round   int
	seq     uint64
	logout  *logoutWait
	timers  map[timerName]*time.Timer
	workers sync.WaitGroup // dials and closings
	stopped bool
}

// timerName tells a runner's timers apart; setting one replaces the one of the
// same name.
type timerName int

const (
	timerCode   timerName = iota // the code on the screen expires
	timerDial                    // next connection attempt
	timerLogin                   // the login took too long
	timerSync                    // missed messages took too long
	timerSave                    // unsaved facts
	timerForget                  // keys that could not be erased
	timerLogout                  // WhatsApp did not come back for a logout
)

func newRunner(deps *Deps, in Instance) *runner {
	r := &runner{
		deps: deps, id: in.ID, in: in, box: newMailbox(), done: make(chan struct{}),
		log:    deps.Log.With("instance", in.ID),
		timers: make(map[timerName]*time.Timer),
	}
	r.snap.Store(&in)
	return r
}

// run is the goroutine. It ends after stop.
func (r *runner) run() {
	defer close(r.done)
	for {
		fn := r.box.take()
		if fn == nil {
			<-r.box.wake
			continue
		}
		fn()
		if r.stopped {
			return
		}
	}
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

// stop closes the session and ends the goroutine, waiting for both. What is
// stored stays as it is, so that a restart goes on from there.
func (r *runner) stop() {
	r.box.post(func() {
		for name := range r.timers {
			r.clear(name)
		}
		r.blank()
		r.retire()
		r.stopped = true
		r.box.close()
	})
	<-r.done
	r.workers.Wait()
}

// --- timers ---

func (r *runner) after(name timerName, d time.Duration, fn func()) {
	r.clear(name)
	var t *time.Timer
	t = time.AfterFunc(d, func() {
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

// --- state ---

// apply stores a change that somebody asked for. When the disk refuses it,
// nothing has changed.
func (r *runner) apply(ctx context.Context, change func(*Instance) error) error {
	before := r.in
	return r.store(ctx, before, func(in *Instance) error {
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
		was := *in
		if err := change(in); err != nil {
			return nil, err
		}
		in.UpdatedAt = now
		in.Loaded = in.DeletedAt.IsZero() && runs(*in)
		return transitionDrafts(was, *in, now), nil
	})
	if err != nil {
		return err
	}
	r.unsaved = nil
	r.clear(timerSave)
	r.in = stored
	r.publish(before)
	r.deps.Recorder.Recorded(events)
	if stored.Status.Phase != before.Status.Phase {
		r.log.Info("instance changed", "from", before.Status.Phase, "to", stored.Status.Phase,
			"reason", stored.Status.Reason, "code", stored.Status.Code)
	}
	return nil
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

// --- sessions ---

// open makes a session and connects it, once all earlier ones are closed: two
// clients of one device would fight each other.
func (r *runner) open() {
	if r.closing > 0 && r.in.Linked() {
		r.opening = r.open
		return
	}
	if r.sess == nil {
		if err := r.newSession(); err != nil {
			r.openFailed(err)
			return
		}
	}
	r.dial()
}

func (r *runner) newSession() error {
	device := ""
	if r.in.Linked() {
		device = r.in.WhatsApp.Device
	}
	r.gen++
	sess, err := r.deps.Engine.Open(context.Background(), OpenParams{
		InstanceID: r.id, Device: device, Sink: &sink{runner: r, gen: r.gen},
	})
	if err != nil {
		return err
	}
	r.sess = sess
	return nil
}

func (r *runner) openFailed(err error) {
	if errors.Is(err, ErrUnknownDevice) {
		// The keys are gone although we thought the device linked: the
		// library erased them for a logout that we did not live to see.
		r.loggedOut(codeLoggedOut, ReasonPhoneRemoved)
		return
	}
	r.log.Error("open a session", "error", err)
	r.retryDial(Status{Reason: ReasonStorage})
}

// dial connects the session in the background; dialed hears of the outcome.
func (r *runner) dial() {
	if r.dialing || r.sess == nil {
		return
	}
	r.clear(timerDial)
	r.dialing, r.synced = true, false
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	sess, gen := r.sess, r.gen
	r.workers.Go(func() {
		err := sess.Connect(ctx)
		r.box.post(func() { r.dialed(gen, err) })
	})
}

func (r *runner) dialed(gen int, err error) {
	if gen != r.gen || r.sess == nil {
		return
	}
	r.dialing = false
	if err == nil {
		r.loginDeadline()
		return
	}
	status := Status{Reason: ReasonUnreachable, Detail: dialDetail(err)}
	var refused *DialError
	if errors.As(err, &refused) && refused.HTTPStatus != 0 {
		status.Reason, status.Code = ReasonFrontDoor, refused.HTTPStatus
	}
	r.log.Warn("connect to WhatsApp", "error", err)
	r.retryDial(status)
}

// loginDeadline catches connections that die without a word: a socket closed
// right after the handshake brings no signal at all.
func (r *runner) loginDeadline() {
	if r.in.Status.Phase.Online() || r.in.Status.Phase.Pairing() {
		return
	}
	r.after(timerLogin, r.deps.Timing.Login, func() {
		r.sess.Disconnect()
		r.retryDial(Status{Reason: ReasonNoAnswer})
	})
}

// retire lets go of the session. Closing may take as long as a handshake, so
// it happens in the background.
func (r *runner) retire() {
	for _, name := range []timerName{timerDial, timerLogin, timerSync} {
		r.clear(name)
	}
	r.opening = nil
	if r.sess == nil {
		return
	}
	sess, cancel := r.sess, r.cancel
	r.sess, r.cancel, r.dialing = nil, nil, false
	r.gen++
	linked := r.in.Linked()
	if linked {
		r.closing++
	}
	r.workers.Go(func() {
		if cancel != nil {
			cancel()
		}
		sess.Close()
		if linked {
			r.box.post(r.closed)
		}
	})
}

func (r *runner) closed() {
	r.closing--
	if r.closing == 0 && r.opening != nil {
		next := r.opening
		r.opening = nil
		next()
	}
}

// sink hands what a session tells to its runner.
type sink struct {
	runner *runner
	gen    int
}

var _ Sink = (*sink)(nil)

func (s *sink) Signal(sig Signal) {
	s.runner.box.post(func() {
		if s.gen == s.runner.gen {
			s.runner.signal(sig)
		}
	})
}

// BeforePair writes past the runner: the library waits for the answer before
// it stores keys, and the runner may itself be waiting for the library.
func (s *sink) BeforePair(device string) error {
	_, _, err := s.runner.deps.Store.UpdateInstance(context.Background(), s.runner.id,
		func(in *Instance) ([]event.Draft, error) {
			in.Candidate = device
			return nil, nil
		})
	return err
}

func (s *sink) Record(ctx context.Context, drafts ...event.Draft) error {
	err := s.runner.deps.Recorder.Record(ctx, drafts...)
	if err != nil {
		s.runner.box.post(func() { s.runner.recordFailed(s.gen) })
	}
	return err
}

func dialDetail(err error) string {
	const most = 200
	text := err.Error()
	if len(text) > most {
		text = text[:most]
	}
	return text
}
