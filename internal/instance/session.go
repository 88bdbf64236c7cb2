package instance

import (
	"context"
	"errors"
	"sync/atomic"

	"pombal/internal/event"
	"pombal/internal/problem"
)

// Exactly one client lives for each device. The one way to a session is dial,
// on the runner's goroutine, and only while there is none and every earlier one
// has closed (closing is 0). Two that need not be waited for have no device that
// another could connect as: see cut in retire.

// open connects: once all earlier sessions are closed, since two clients of one
// device would fight each other, and when it is this instance's turn.
func (r *runner) open() {
	if r.dialing || r.queued {
		return
	}
	if r.closing > 0 {
		r.opening = r.open
		return
	}
	r.clear(timerDial)
	turns := &r.deps.dials
	if r.urgent {
		turns = &r.deps.urgents
	}
	r.urgent = false
	wait := turns.reserve(r.deps.Now())
	if wait == 0 {
		r.dial()
		return
	}
	r.queued = true
	r.after(timerDial, wait, func() {
		r.queued = false
		r.dial()
	})
}

// dial connects the session in the background; dialed hears of the outcome.
func (r *runner) dial() {
	if r.closing > 0 {
		r.opening = r.open
		return
	}
	if r.sess == nil {
		if err := r.newSession(); err != nil {
			r.openFailed(err)
			return
		}
	}
	r.early, r.down, r.blind = false, false, !r.in.Linked()
	r.dialing, r.synced, r.missed, r.stream = true, false, 0, SignalStreamError{}
	r.attempt++
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	sess, gen, attempt := r.sess, r.gen, r.attempt
	r.work(func() {
		err := sess.Connect(ctx)
		r.box.post(func() { r.dialed(gen, attempt, err) })
	})
}

func (r *runner) newSession() error {
	device := ""
	if r.in.Linked() {
		device = r.in.WhatsApp.Device
	}
	r.gen++
	to := &sink{runner: r, gen: r.gen, fresh: device == ""}
	sess, err := r.deps.Engine.Open(context.Background(), OpenParams{
		InstanceID: r.id, Device: device, Proxy: r.in.Proxy, History: r.in.History, Sink: to,
	})
	if err != nil {
		return err
	}
	r.sess, r.sink = sess, to
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

func (r *runner) dialed(gen, attempt int, err error) {
	if gen != r.gen || attempt != r.attempt || r.sess == nil {
		return
	}
	r.dialing = false
	if err == nil {
		r.loginDeadline()
		return
	}
	r.log.Warn("connect to WhatsApp", "error", err)
	status := dialStatus(err)
	if status.Reason == ReasonProxyRefused {
		// Asking again with the same password would lock the account of the
		// proxy; going around it would show an address that was to be hidden.
		status.Phase = PhaseBlocked
		r.halt(status)
		return
	}
	r.retryDial(status)
}

// dialStatus says why a dial failed.
func dialStatus(err error) Status {
	s := Status{Reason: ReasonUnreachable, Detail: dialDetail(err)}
	var dial *DialError
	if !errors.As(err, &dial) {
		return s
	}
	switch dial.Cause {
	case CauseDNS:
		s.Reason = ReasonDNS
	case CauseTLS:
		s.Reason = ReasonTLS
	case CauseProxyRefused:
		s.Reason = ReasonProxyRefused
	case CauseProxyDown:
		s.Reason = ReasonProxyDown
	default:
		if dial.HTTPStatus != 0 {
			s.Reason, s.Code = ReasonFrontDoor, dial.HTTPStatus
		}
	}
	return s
}

func dialDetail(err error) string {
	const most = 200
	text := err.Error()
	if len(text) > most {
		text = text[:most]
	}
	return text
}

// loginDeadline catches connections that die without a word: a socket closed
// right after the handshake brings no signal at all.
func (r *runner) loginDeadline() {
	phase := r.in.Status.Phase
	if phase.Online() || phase.Pairing() || r.asking != 0 || r.sess == nil {
		return
	}
	limit, reason := r.deps.Timing.Login, ReasonNoAnswer
	if phase == PhasePaired {
		limit, reason = r.deps.Timing.PairedLogin, ReasonPairTimeout
	}
	r.after(timerLogin, limit, func() {
		r.hangUp()
		r.retryDial(Status{Reason: reason})
	})
}

// hangUp closes the socket and keeps the session. An outcome of a dial that is
// still under way counts no more.
func (r *runner) hangUp() {
	r.attempt++
	r.dialing, r.down = false, true
	if r.sess != nil {
		r.sess.Disconnect()
	}
}

// retire lets go of the session. Closing may take as long as a handshake, so
// it happens in the background.
func (r *runner) retire() {
	for _, name := range []timerName{timerDial, timerLogin, timerSync, timerLogout} {
		r.clear(name)
	}
	r.opening, r.queued, r.asking = nil, false, 0
	if r.sess == nil {
		return
	}
	sess, cancel, to := r.sess, r.cancel, r.sink
	to.over.Store(true)
	// The library waits 20 s for a handshake that has been cut off. Before any
	// code came there is no device yet that could be in use twice, and nobody
	// has to wait for that.
	dialing, cut := r.dialing, r.dialing && r.blind && to.device.Load() == nil
	r.sess, r.cancel, r.sink, r.dialing = nil, nil, nil, false
	r.gen++
	if !cut {
		r.closing++
	}
	linking := to.fresh && !cut && !r.in.Linked()
	if linking {
		r.unsettled++
	}
	// A handshake has to be cut off. On a connection that stands the library
	// has to be told first: its reader, ended by the context, races with it.
	if dialing {
		cancel()
	}
	r.work(func() {
		sess.Close()
		if cancel != nil {
			cancel()
		}
		if !cut {
			r.box.post(func() { r.closed(to, linking) })
		}
	})
}

// closed follows the end of a retired session. linking says that a phone might
// have accepted on it until now.
func (r *runner) closed(to *sink, linking bool) {
	r.closing--
	if linking {
		r.unsettled--
		if device := to.device.Load(); device != nil {
			r.settle(*device)
		}
	}
	if r.unsettled == 0 {
		waiting := r.onceSettled
		r.onceSettled = nil
		for _, fn := range waiting {
			fn()
		}
	}
	if r.closing == 0 {
		waiting := r.onceClosed
		r.onceClosed = nil
		for _, fn := range waiting {
			fn()
		}
	}
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
	fresh  bool                   // the session may still link a device; the runner's alone
	over   atomic.Bool            // the session is being let go of
	device atomic.Pointer[string] // the device whose keys it was about to store
}

var _ Sink = (*sink)(nil)

func (s *sink) Signal(sig Signal) {
	s.runner.box.post(func() {
		if s.gen == s.runner.gen {
			s.runner.signal(sig)
		}
	})
}

func (s *sink) Seen() { s.runner.seen.Store(s.runner.deps.Now().UnixNano()) }

// errPairingOver stops the linking of a phone that scanned while the round was
// being ended here.
var errPairingOver = errors.New("the pairing round is over")

// errOtherNumber stops the linking of a number that is not the instance's.
var errOtherNumber = problem.New(problem.Conflict, "reason.other_number")

// AllowPair reads the snapshot: the library waits for the answer, and the
// runner may itself be waiting for the library.
func (s *sink) AllowPair(device string) error {
	if s.over.Load() {
		return errPairingOver
	}
	in := s.runner.snap.Load()
	jid := userJID(device)
	if in.WhatsApp == nil || in.WhatsApp.JID == jid || s.runner.replace.Load() {
		return nil
	}
	s.runner.other.Store(&jid)
	return errOtherNumber
}

// BeforePair writes past the runner, for the same reason. The device is noted
// before it looks whether the round is over: whoever ends it looks the other way
// round, so that one of the two sees the other.
func (s *sink) BeforePair(device string) error {
	s.device.Store(&device)
	if s.over.Load() {
		return errPairingOver
	}
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

func (s *sink) Wants(t event.Type) bool {
	return s.runner.deps.Recorder.Wanted(context.Background(), s.runner.id, t)
}

func (s *sink) Notices(ctx context.Context) ([]event.Notice, error) {
	return s.runner.deps.Recorder.Notices(ctx, s.runner.id)
}
