package views

import (
	"slices"
	"time"

	"pombal/internal/instance"
)

// storyInstance is an instance in a phase, for a reason, as it would be stored.
// Without a reason it is the one for which instances most often are there.
func storyInstance(phase instance.Phase, reason instance.Reason) instance.Instance {
	now := storyTime()
	in := instance.Instance{
		ID: storyID, Name: "Loja SP", State: instance.Active, Rev: 3, CreatedAt: now.Add(-72 * time.Hour),
		Status: storyStatus(phase, reason),
	}
	if phase == instance.PhaseStopped {
		in.State = instance.Inactive
	}
	if neverLinked(in.Status) {
		return in
	}
	in.WhatsApp, in.SeenAt = number1(), in.Status.Since
	switch phase {
	case instance.PhaseLoggedOut, instance.PhasePairFailed:
		in.WhatsApp.Device = ""
	case instance.PhaseSyncing, instance.PhaseConnected:
		in.SeenAt = now.Add(-12 * time.Second)
	case instance.PhaseLogoutPending:
		in.Logout = &instance.PendingLogout{Since: in.Status.Since, Until: in.Status.Until, Keep: true}
	}
	if in.Status.Reason == instance.ReasonProxyRefused || in.Status.Reason == instance.ReasonProxyDown {
		in.Proxy = storyProxy()
	}
	return in
}

func storyProxy() *instance.Proxy {
	return &instance.Proxy{URL: "socks5://ana:secret@proxy.example:1080"}
}

// neverLinked says whether a story's instance has never had a number.
func neverLinked(s instance.Status) bool {
	switch s.Phase {
	case instance.PhaseNew, instance.PhaseConnecting, instance.PhaseQR, instance.PhaseCode, instance.PhasePasskey,
		instance.PhaseLinkExpired:
		return true
	case instance.PhasePairFailed:
		return s.Reason != instance.ReasonOtherNumber // the number that it had
	default:
		return false
	}
}

// usual is the reason for which an instance most often is in a phase.
func usual(phase instance.Phase) instance.Reason {
	switch phase {
	case instance.PhasePasskey:
		return instance.ReasonPasskey
	case instance.PhaseDegraded:
		return instance.ReasonNoAnswer
	case instance.PhaseReconnecting:
		return instance.ReasonConnLost
	case instance.PhaseLoggedOut:
		return instance.ReasonPhoneRemoved
	case instance.PhaseReplaced:
		return instance.ReasonReplaced
	case instance.PhaseOutdated:
		return instance.ReasonOutdated
	case instance.PhaseBanned:
		return instance.ReasonTempBan
	case instance.PhaseBlocked:
		return instance.ReasonRefused
	case instance.PhasePairFailed:
		return instance.ReasonPairRejected
	case instance.PhaseLinkExpired:
		return instance.ReasonCodesSpent
	case instance.PhaseStopped:
		return instance.ReasonOperator
	case instance.PhaseLogoutPending:
		return instance.ReasonLogout
	default:
		return instance.ReasonNone
	}
}

// phaseOf is the phase that a reason most often leads to.
func phaseOf(reason instance.Reason) instance.Phase {
	switch reason {
	case instance.ReasonPhoneRemoved, instance.ReasonPrimaryGone, instance.ReasonAccountBanned, instance.ReasonOperator,
		instance.ReasonLocalOnly:
		return instance.PhaseLoggedOut
	case instance.ReasonReplaced:
		return instance.PhaseReplaced
	case instance.ReasonTempBan:
		return instance.PhaseBanned
	case instance.ReasonOutdated:
		return instance.PhaseOutdated
	case instance.ReasonRefused, instance.ReasonProxyRefused:
		return instance.PhaseBlocked
	case instance.ReasonPairRejected, instance.ReasonOtherNumber, instance.ReasonPasskeyFailed:
		return instance.PhasePairFailed
	case instance.ReasonCodesSpent, instance.ReasonNobodyWatches, instance.ReasonCodeExpired, instance.ReasonPasskeyTimeout:
		return instance.PhaseLinkExpired
	case instance.ReasonPasskey:
		return instance.PhasePasskey
	case instance.ReasonScannedOld:
		return instance.PhaseQR
	case instance.ReasonLogout:
		return instance.PhaseLogoutPending
	default:
		return instance.PhaseReconnecting
	}
}

// storyStatus is a status with what the product keeps of its proof and with the
// times of what comes next.
func storyStatus(phase instance.Phase, reason instance.Reason) instance.Status {
	now := storyTime()
	if reason == instance.ReasonNone {
		reason = usual(phase)
	}
	s := instance.Status{Phase: phase, Reason: reason, Since: now.Add(-4 * time.Minute)}
	switch phase {
	case instance.PhaseConnecting, instance.PhaseQR, instance.PhaseCode, instance.PhasePasskey, instance.PhasePaired,
		instance.PhaseSyncing, instance.PhaseReconnecting: // do not last
		s.Since = now.Add(-67 * time.Second)
	}
	s.Code, s.Detail = storyProof(reason)
	next := func(wait time.Duration, attempt int) { s.NextAt, s.Attempt = now.Add(wait), attempt }
	switch phase {
	case instance.PhaseConnecting:
		if reason != instance.ReasonNone {
			next(8*time.Second, 2)
		}
	case instance.PhaseReconnecting:
		switch reason {
		case instance.ReasonOperator: // at once
		case instance.ReasonRestart:
			next(3*time.Second, 0)
		case instance.ReasonFrontDoor, instance.ReasonFlapping:
			next(11*time.Minute, 2)
		default:
			next(8*time.Second, 4)
		}
	case instance.PhaseOutdated:
		next(5*time.Hour, 0)
	case instance.PhaseBanned:
		next(56*time.Minute, 0)
	case instance.PhaseBlocked:
		if reason == instance.ReasonRefused {
			next(57*time.Second, 1)
		}
	case instance.PhaseStopped:
		s.Code = 0
	case instance.PhaseLogoutPending:
		next(47*time.Minute, 1)
		s.Until = s.Since.Add(24 * time.Hour)
	}
	return s
}

// storyProof is what is kept of the proof of a reason: WhatsApp's number or the
// HTTP status, and technical text.
func storyProof(reason instance.Reason) (code int, detail string) {
	const dial = "connect to WhatsApp: failed to dial whatsapp web websocket: "
	switch reason {
	case instance.ReasonPhoneRemoved, instance.ReasonOperator, instance.ReasonLocalOnly:
		return 401, ""
	case instance.ReasonPrimaryGone:
		return 403, ""
	case instance.ReasonAccountBanned:
		return 406, ""
	case instance.ReasonReplaced:
		return 440, ""
	case instance.ReasonTempBan:
		return 402, ""
	case instance.ReasonOutdated:
		return 405, storyVersions().Active
	case instance.ReasonRefused:
		return 409, ""
	case instance.ReasonBusy:
		return 503, ""
	case instance.ReasonStream:
		return 777, "bad-xml"
	case instance.ReasonFrontDoor:
		return 429, dial + "expected handshake response status code 101 but got 429"
	case instance.ReasonUnreachable:
		return 0, dial + "dial tcp 157.240.0.60:443: connect: network is unreachable"
	case instance.ReasonDNS:
		return 0, dial + "dial tcp: lookup web.whatsapp.com: no such host"
	case instance.ReasonTLS:
		return 0, dial + "tls: failed to verify certificate: x509: certificate signed by unknown authority"
	case instance.ReasonProxyRefused:
		return 0, dial + "socks connect tcp proxy.example:1080->web.whatsapp.com:443: username/password authentication failed"
	case instance.ReasonProxyDown:
		return 0, dial + "socks connect tcp proxy.example:1080->web.whatsapp.com:443: dial tcp 192.0.2.9:1080: connect: connection refused"
	case instance.ReasonPairRejected:
		return 0, "signature mismatch"
	case instance.ReasonOtherNumber:
		return 0, "5511987650002"
	case instance.ReasonPasskeyFailed:
		return 0, "request"
	default:
		return 0, ""
	}
}

// past is what happened to an instance so far, oldest first.
type past struct {
	id      string
	moments []instance.Moment
}

// tell adds a moment; who caused it is guessed as the product does it.
func (h *past) tell(ago time.Duration, m instance.Moment) {
	m.InstanceID, m.At = h.id, storyTime().Add(-ago)
	m.Online = m.Phase.Online()
	if m.Actor == "" {
		m.Actor = instance.ActorFor(m.Reason)
	}
	h.moments = append(h.moments, m)
}

// enter adds a change of the phase. wanted: the instance is linked.
func (h *past) enter(ago time.Duration, s instance.Status, wanted bool, actor string) {
	h.tell(ago, instance.Moment{Kind: instance.MomentPhase, Phase: s.Phase, Reason: s.Reason, Code: s.Code, Detail: s.Detail,
		Until: s.Until, Wanted: wanted, Actor: actor})
}

// phases adds one change of the phase a few seconds after the other.
func (h *past) phases(ago time.Duration, wanted bool, list ...instance.Phase) {
	for i, phase := range list {
		h.enter(ago-time.Duration(i)*7*time.Second, storyStatus(phase, instance.ReasonNone), wanted, "")
	}
}

const storyUser = "user:ana@loja.example"

// storyMoments is how an instance came to be as it is, newest first. That of a
// linked number has a moment of each kind.
func storyMoments(in instance.Instance) []instance.Moment {
	h := &past{id: in.ID}
	s := in.Status
	ago := storyTime().Sub(s.Since)
	if in.WhatsApp != nil && s.Phase != instance.PhasePaired {
		h.lifeOf(in)
	}
	switch {
	case s.Phase == instance.PhaseConnected:
		h.phases(ago+time.Minute, true, instance.PhaseReconnecting, instance.PhaseSyncing)
	case s.Phase == instance.PhaseSyncing:
		h.phases(ago+time.Minute, true, instance.PhaseReconnecting)
	case s.Phase != instance.PhaseConnecting && !in.Linked() && in.WhatsApp == nil, s.Phase == instance.PhasePaired,
		s.Phase == instance.PhasePairFailed:
		h.enter(ago+time.Minute, storyStatus(instance.PhaseConnecting, instance.ReasonNone), false, storyUser)
		if s.Phase != instance.PhaseQR && s.Phase != instance.PhaseNew {
			h.phases(ago+57*time.Second, false, instance.PhaseQR)
		}
	}
	if s.Phase != instance.PhaseNew || s.Reason != instance.ReasonNone {
		h.enter(ago, s, in.Linked() && in.State == instance.Active, storyActor(s))
	} else {
		h.moments = nil // it has just been made
	}
	slices.Reverse(h.moments)
	return h.moments
}

// storyActor is who brought about the status that an instance has now; empty
// for who is guessed.
func storyActor(s instance.Status) string {
	switch s.Reason {
	case instance.ReasonOperator, instance.ReasonLocalOnly:
		return storyUser
	case instance.ReasonNone:
		if s.Phase == instance.PhaseConnecting {
			return storyUser
		}
	}
	return ""
}

// lifeOf is the life of a number that was logged out once, linked again, not
// allowed to open new chats for some hours, and without a connection for a
// while.
func (h *past) lifeOf(in instance.Instance) {
	const hour = time.Hour
	h.phases(70*hour, true, instance.PhaseConnected)
	out := storyStatus(instance.PhaseLoggedOut, instance.ReasonOperator)
	h.enter(60*hour, out, false, storyUser)
	besides := instance.Moment{Phase: out.Phase, Reason: out.Reason, Code: out.Code, Actor: storyUser}
	receipt, proxy := besides, besides
	receipt.Kind, receipt.Unlinked, receipt.Erased = instance.MomentLogout, true, true
	proxy.Kind, proxy.Detail = instance.MomentProxy, storyProxy().String()
	h.tell(60*hour, receipt)
	h.tell(55*hour, proxy)
	h.enter(51*hour, storyStatus(instance.PhaseConnecting, instance.ReasonNone), false, "key:k1")
	h.phases(51*hour-3*time.Second, false, instance.PhaseQR)
	h.phases(50*hour, true, instance.PhasePaired, instance.PhaseConnected)
	on := instance.Moment{Phase: instance.PhaseConnected, Wanted: true, Actor: instance.ActorWhatsApp}
	identity, locked, open := on, on, on
	identity.Kind, identity.Detail = instance.MomentIdentity, "5511912345678@s.whatsapp.net"
	locked.Kind, locked.Detail, locked.Until = instance.MomentReachout, "WEB_COMPANION_ONLY", storyTime().Add(-20*hour)
	open.Kind = instance.MomentReachout
	h.tell(30*hour, identity)
	h.tell(26*hour, locked)
	h.tell(20*hour, open)
	h.phases(9*hour, true, instance.PhaseReconnecting)
	h.phases(7*hour, true, instance.PhaseSyncing, instance.PhaseConnected)
	if in.Reachout != nil {
		locked.Until = in.Reachout.Until
		h.tell(hour, locked)
	}
	if !in.Linked() && in.Status.Phase == instance.PhasePairFailed {
		h.phases(hour, false, instance.PhaseLoggedOut)
	}
}

// storyHistory is the card with the history of an instance.
func storyHistory(p Page, in instance.Instance) HistoryPart {
	const slots = 48
	part := HistoryPart{Page: p, Instance: in, Moments: storyMoments(in)}
	oldest := slices.Clone(part.Moments)
	slices.Reverse(oldest)
	for _, window := range instance.Windows() {
		part.Spans = append(part.Spans, instance.AvailabilityOf(oldest, storyTime(), window, slots))
	}
	return part
}
