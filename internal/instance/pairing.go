package instance

import (
	"context"
	"time"

	"pombal/internal/event"
	"pombal/internal/live"
)

// The life of a QR code: the codes of a round are shown one after the other on
// WhatsApp's clock; a picture is blanked the moment its code dies; a new round
// begins only while somebody looks. The library's own channel for this is not
// used: it can end the process when a failure meets a code being sent.

// showCodes begins a round.
func (r *runner) showCodes(codes []string) {
	r.clear(timerLogin)
	if len(codes) == 0 {
		r.nextRound(ReasonCodesSpent)
		return
	}
	r.round++
	r.codes = codes
	r.enter(Status{Phase: PhaseQR})
	r.showCode(0)
}

func (r *runner) showCode(i int) {
	if i >= len(r.codes) {
		r.nextRound(ReasonCodesSpent)
		return
	}
	life := r.deps.Timing.QRNext
	if i == 0 {
		life = r.deps.Timing.QRFirst
	}
	now := r.deps.Now()
	r.code = i
	r.seq++
	r.pairing.Store(&Pairing{
		Code: r.codes[i], ShownAt: now, ExpiresAt: now.Add(life),
		Number: i + 1, Of: len(r.codes), Round: r.round, Seq: r.seq,
	})
	r.deps.Notify(live.SignalQR(r.id))
	r.recordCode(r.codes[i], now)
	r.after(timerCode, life, func() {
		r.blank()
		r.showCode(i + 1)
	})
}

// recordCode tells webhooks of a code. A disk that refuses it costs the
// webhook one code, not the operator the picture.
func (r *runner) recordCode(code string, now time.Time) {
	picture, err := r.deps.Picture(code)
	if err != nil {
		r.log.Error("draw a QR code", "error", err)
		return
	}
	err = r.deps.Recorder.Record(context.Background(), event.Draft{
		InstanceID: r.id, Type: event.QRCodeUpdate, At: now,
		Data: event.QRCodeData{Code: code, Base64: picture},
	})
	if err != nil {
		r.log.Error("record a QR code", "error", err)
	}
}

// blank takes the code off the screen at once: phones accept a dead code and
// then hang.
func (r *runner) blank() {
	r.clear(timerCode)
	if r.pairing.Swap(nil) != nil {
		r.deps.Notify(live.SignalQR(r.id))
	}
}

// nextRound asks WhatsApp for new codes while somebody looks, on the same
// session: the same unlinked device serves again.
func (r *runner) nextRound(why Reason) {
	r.blank()
	if r.sess == nil {
		return
	}
	r.clear(timerLogin)
	r.sess.Disconnect()
	switch {
	case !r.isWatched():
		r.pairEnded(Status{Phase: PhaseLinkExpired, Reason: ReasonNobodyWatches})
	case r.round >= r.deps.Timing.Rounds:
		r.pairEnded(Status{Phase: PhaseLinkExpired, Reason: why})
	case why == ReasonCodesSpent:
		r.enter(Status{Phase: PhaseConnecting})
		r.dial()
	default:
		r.enter(Status{Phase: PhaseConnecting})
		r.retryDial(Status{Reason: why})
	}
}

// pairEnded ends linking without a link. The next try gets fresh keys.
func (r *runner) pairEnded(s Status) {
	if r.in.Linked() {
		return
	}
	r.halt(s)
}

// scannedOld keeps the code: it stays valid for a phone that can link.
func (r *runner) scannedOld() {
	if r.in.Status.Phase == PhaseQR {
		s := r.in.Status
		s.Detail = "scanned_old"
		r.enter(s)
	}
}

// paired stores the link. The keys are on disk already; the instance learns
// whose they are before anything else happens.
func (r *runner) paired(s SignalPaired) {
	r.blank()
	now := r.deps.Now()
	id, err := event.NewID()
	if err != nil {
		r.log.Error("make an id", "error", err)
		id = r.id
	}
	r.note(func(in *Instance) {
		jid := userJID(s.Device)
		wa := WhatsApp{ID: id, JID: jid}
		if in.WhatsApp != nil && in.WhatsApp.JID == jid {
			wa = *in.WhatsApp // the same number again keeps its id and name
		}
		wa.Device, wa.LID, wa.Platform, wa.BusinessName, wa.LinkedAt = s.Device, s.LID, s.Platform, s.BusinessName, now
		in.WhatsApp = &wa
		in.Candidate = ""
		if in.Status.Phase != PhasePaired && !in.Status.Phase.Online() {
			in.Status = Status{Phase: PhasePaired, Since: now}
		}
	})
	if !r.in.Status.Phase.Online() && r.timers[timerLogin] == nil && !r.dialing {
		r.loginDeadline()
	}
}

// cancelPairing takes the code off the screen because the operator wants so.
func (r *runner) cancelPairing() {
	p := r.in.Status.Phase
	if r.in.Linked() || !(p.Pairing() || p == PhaseConnecting) {
		return
	}
	r.halt(Status{Phase: PhaseNew})
}

// look notes that somebody looks at the code.
func (r *runner) look() { r.watched.Store(r.deps.Now().UnixNano()) }

func (r *runner) isWatched() bool {
	return r.deps.Now().Sub(time.Unix(0, r.watched.Load())) <= r.deps.Timing.Watched
}
