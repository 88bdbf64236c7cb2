package instance

import (
	"context"
	"strings"
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
		r.nextRound(Status{Reason: ReasonCodesSpent})
		return
	}
	r.round++
	r.blind = false
	r.codes = codes
	r.roundEnd = r.deps.Now().Add(r.deps.Timing.codeLife(len(codes)))
	r.enter(Status{Phase: PhaseQR})
	r.showCode(0)
	if r.wish != nil {
		r.askCode()
	}
}

func (r *runner) showCode(i int) {
	if i >= len(r.codes) {
		r.nextRound(Status{Reason: ReasonCodesSpent})
		return
	}
	life := r.deps.Timing.QRNext
	if i == 0 {
		life = r.deps.Timing.QRFirst
	}
	now := r.deps.Now()
	r.code = i
	r.draw(now, now.Add(life))
	r.after(timerCode, life, func() {
		r.blankCode()
		r.showCode(i + 1)
	})
}

// draw puts the current code on the screen.
func (r *runner) draw(shown, expires time.Time) {
	r.seq++
	r.pairing.Store(&Pairing{
		Code: r.codes[r.code], ShownAt: shown, ExpiresAt: expires,
		Number: r.code + 1, Of: len(r.codes), Round: r.round, Seq: r.seq,
	})
	r.deps.Notify(live.SignalQR(r.id))
	r.recordCode(r.codes[r.code], r.deps.Now())
}

// redraw gives all codes of the round another secret: what WhatsApp asks for,
// the codes shown so far being refused. Picture and countdown go on.
func (r *runner) redraw(secret string) {
	const field = 3 // reference, noise key, identity key, secret, client type
	for i, code := range r.codes {
		if parts := strings.Split(code, ","); len(parts) > field {
			parts[field] = secret
			r.codes[i] = strings.Join(parts, ",")
		}
	}
	if p := r.pairing.Load(); p != nil {
		r.draw(p.ShownAt, p.ExpiresAt)
	}
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

// blankCode takes the code off the screen at once: phones accept a dead code
// and then hang.
func (r *runner) blankCode() {
	r.clear(timerCode)
	if r.pairing.Swap(nil) != nil {
		r.deps.Notify(live.SignalQR(r.id))
	}
}

// blank takes everything off the screen that belongs to a pairing round.
func (r *runner) blank() {
	r.blankCode()
	r.clear(timerPasskey)
	typed, passkey := r.typed.Swap(nil), r.passkey.Swap(nil)
	if typed != nil || passkey != nil {
		r.deps.Notify(live.SignalQR(r.id))
	}
}

// pairingLost follows the end of a connection that a phone was being linked
// over. A QR round begins anew; a typed code or a passkey step is over.
func (r *runner) pairingLost(why Status) {
	if p := r.in.Status.Phase; p == PhaseCode || p == PhasePasskey {
		why.Phase = PhaseLinkExpired
		r.pairEnded(why)
		return
	}
	r.nextRound(why)
}

// nextRound asks WhatsApp for new codes while somebody looks, on the same
// session: the same unlinked device serves again.
func (r *runner) nextRound(why Status) {
	r.blank()
	if r.sess == nil {
		return
	}
	r.clear(timerLogin)
	r.hangUp()
	switch {
	case !r.isWatched():
		r.pairEnded(Status{Phase: PhaseLinkExpired, Reason: ReasonNobodyWatches})
	case r.round >= r.deps.Timing.Rounds:
		why.Phase = PhaseLinkExpired
		r.pairEnded(why)
	case why.Reason == ReasonCodesSpent:
		r.enter(Status{Phase: PhaseConnecting})
		r.urgent = true
		r.open()
	default:
		r.enter(Status{Phase: PhaseConnecting})
		r.retryDial(why)
	}
}

// pairFailed ends linking because the phone's proof did not fit, or because
// the number was not the one of this instance.
func (r *runner) pairFailed(f SignalPairFailed) {
	s := Status{Phase: PhasePairFailed, Reason: ReasonPairRejected, Detail: f.Detail}
	if other := r.other.Swap(nil); other != nil {
		s.Reason, s.Detail = ReasonOtherNumber, strings.TrimSuffix(*other, "@s.whatsapp.net")
	}
	r.pairEnded(s)
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
	if s := r.in.Status; s.Phase == PhaseQR {
		s.Reason = ReasonScannedOld
		r.enter(s)
	}
}

// paired stores the link. The keys are on disk already; the instance learns
// whose they are before anything else happens.
func (r *runner) paired(s SignalPaired) {
	typed := ""
	if t := r.typed.Load(); t != nil {
		typed = t.Phone
	}
	r.blank()
	r.replace.Store(false)
	if r.sink != nil {
		r.sink.fresh = false // the link is known: when the session ends there is none to look for
	}
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
		wa.Typed, wa.PhoneSeen = typed, now
		in.WhatsApp = &wa
		in.Candidate = ""
		if in.State == Active && in.Status.Phase != PhasePaired && !in.Status.Phase.Online() {
			in.Status = Status{Phase: PhasePaired, Since: now}
		}
	})
	switch {
	case r.early:
		r.early = false
		r.connected()
	case !r.in.Status.Phase.Online() && !r.dialing:
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
