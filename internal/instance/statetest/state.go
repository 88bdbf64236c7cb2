// Package statetest knows which states an instance can be in. Tests of the
// engine hold what it stores against that, and tests of the pages what they
// draw.
package statetest

import (
	"errors"
	"fmt"
	"slices"

	"pombal/internal/instance"
)

// need says whether something goes with a phase or a reason.
type need int

const (
	never need = iota
	may
	must
)

// fits says whether something that is there, or is not, is as it has to be.
func (n need) fits(there bool) bool { return n == may || there == (n == must) }

func (n need) String() string { return [...]string{"never", "may", "must"}[n] }

// form is what a phase looks like.
type form struct {
	reasons []instance.Reason
	linked  need
	next    need // NextAt
	attempt need // Attempt
	until   need // Until
	missed  need // Missed
}

// proof is what goes with a reason.
type proof struct {
	codes  []int // those that it can have; nil: none
	other  bool  // it has any code but 0
	bare   bool  // it may come without a code all the same
	detail bool  // it may say more
}

// lost are the reasons why a connection could not be made or kept.
func lost() []instance.Reason {
	return []instance.Reason{
		instance.ReasonConnLost, instance.ReasonUnreachable, instance.ReasonFrontDoor, instance.ReasonNoAnswer,
		instance.ReasonStorage, instance.ReasonBusy, instance.ReasonStream, instance.ReasonDNS, instance.ReasonTLS,
		instance.ReasonProxyDown,
	}
}

// gone are the reasons why a number is not linked any more.
func gone() []instance.Reason {
	return []instance.Reason{
		instance.ReasonPhoneRemoved, instance.ReasonPrimaryGone, instance.ReasonAccountBanned, instance.ReasonOperator,
		instance.ReasonLocalOnly,
	}
}

func only(list ...instance.Reason) []instance.Reason { return list }

// forms are the phases. Times and counts of those that retry a lost connection
// are in retries.
func forms() map[instance.Phase]form {
	const none = instance.ReasonNone
	return map[instance.Phase]form{
		instance.PhaseNew:        {reasons: only(none, instance.ReasonOperator, instance.ReasonRestart)},
		instance.PhaseConnecting: {reasons: append(lost(), none), linked: may, next: may, attempt: may},
		instance.PhaseQR:         {reasons: only(none, instance.ReasonScannedOld)},
		instance.PhaseCode:       {reasons: only(none)},
		instance.PhasePasskey:    {reasons: only(instance.ReasonPasskey)},
		instance.PhasePaired:     {reasons: only(none), linked: must},
		instance.PhaseSyncing:    {reasons: only(none), linked: must, missed: may},
		instance.PhaseConnected:  {reasons: only(none), linked: must},
		instance.PhaseDegraded:   {reasons: only(instance.ReasonNoAnswer), linked: must},
		instance.PhaseReconnecting: {reasons: append(lost(), instance.ReasonRestart, instance.ReasonOperator,
			instance.ReasonPairTimeout, instance.ReasonFlapping), linked: must, next: may, attempt: may},
		instance.PhaseLoggedOut: {reasons: gone()},
		instance.PhaseReplaced:  {reasons: only(instance.ReasonReplaced), linked: may},
		instance.PhaseOutdated:  {reasons: only(instance.ReasonOutdated), linked: may, next: may},
		instance.PhaseBanned:    {reasons: only(instance.ReasonTempBan), linked: may, next: may, until: may},
		instance.PhaseBlocked: {reasons: only(instance.ReasonRefused, instance.ReasonProxyRefused), linked: may,
			next: may, attempt: may},
		instance.PhasePairFailed: {reasons: only(instance.ReasonPairRejected, instance.ReasonOtherNumber, instance.ReasonPasskeyFailed)},
		instance.PhaseLinkExpired: {reasons: append(lost(), instance.ReasonCodesSpent, instance.ReasonNobodyWatches,
			instance.ReasonCodeExpired, instance.ReasonPasskeyTimeout), attempt: may},
		instance.PhaseStopped:       {reasons: gone(), linked: may},
		instance.PhaseLogoutPending: {reasons: only(instance.ReasonLogout), linked: must, next: may, attempt: may, until: must},
	}
}

// proofs are the reasons that have more than themselves to show.
func proofs() map[instance.Reason]proof {
	return map[instance.Reason]proof{
		instance.ReasonPhoneRemoved:  {codes: []int{401}},
		instance.ReasonPrimaryGone:   {codes: []int{403}},
		instance.ReasonAccountBanned: {codes: []int{406}},
		instance.ReasonLocalOnly:     {codes: []int{401}},
		instance.ReasonOperator:      {codes: []int{401, 403, 406}, bare: true}, // WhatsApp may tell of the end of our own logout
		instance.ReasonReplaced:      {codes: []int{440}},
		instance.ReasonTempBan:       {codes: []int{402}, detail: true},
		instance.ReasonOutdated:      {codes: []int{405}, detail: true},
		instance.ReasonRefused:       {other: true, detail: true},
		instance.ReasonFrontDoor:     {other: true, detail: true},
		instance.ReasonBusy:          {other: true},
		instance.ReasonStream:        {other: true, bare: true, detail: true},
		instance.ReasonFlapping:      {other: true, bare: true, detail: true},
		instance.ReasonUnreachable:   {detail: true},
		instance.ReasonDNS:           {detail: true},
		instance.ReasonTLS:           {detail: true},
		instance.ReasonProxyRefused:  {detail: true},
		instance.ReasonProxyDown:     {detail: true},
		instance.ReasonPairRejected:  {detail: true},
		instance.ReasonOtherNumber:   {detail: true},
		instance.ReasonPasskeyFailed: {detail: true},
	}
}

// Check says what of an instance does not go together; nil when it can be.
func Check(in instance.Instance) error {
	if !in.DeletedAt.IsZero() {
		return nil
	}
	s := in.Status
	f, known := forms()[s.Phase]
	if !known {
		return fmt.Errorf("there is no phase %q", s.Phase)
	}
	return errors.Join(
		checkReason(f, s.Phase, s.Reason, s.Code, s.Detail),
		retries(f, s, in.Linked()).check(s, in.Linked()),
		checkWishes(in),
	)
}

// retries narrows a phase's form to what its reason asks for.
func retries(f form, s instance.Status, linked bool) form {
	switch s.Phase {
	case instance.PhaseConnecting:
		// Somebody asked for it, or the last attempt to link failed.
		f.next, f.attempt = never, never
		if s.Reason != instance.ReasonNone {
			f.linked, f.next, f.attempt = never, must, must
		}
	case instance.PhaseReconnecting:
		if s.Reason != instance.ReasonRestart && s.Reason != instance.ReasonOperator {
			f.next = must
		}
	case instance.PhaseOutdated, instance.PhaseBanned:
		f.next = when(linked)
	case instance.PhaseBlocked:
		f.next, f.attempt = when(linked), must
		if s.Reason == instance.ReasonProxyRefused { // waits for another proxy
			f.next, f.attempt = never, never
		}
	}
	return f
}

func when(yes bool) need {
	if yes {
		return must
	}
	return never
}

func (f form) check(s instance.Status, linked bool) error {
	var wrong []error
	for _, c := range []struct {
		name  string
		need  need
		there bool
	}{
		{"a link", f.linked, linked},
		{"NextAt", f.next, !s.NextAt.IsZero()},
		{"Attempt", f.attempt, s.Attempt > 0},
		{"Until", f.until, !s.Until.IsZero()},
		{"Missed", f.missed, s.Missed > 0},
	} {
		if !c.need.fits(c.there) {
			wrong = append(wrong, fmt.Errorf("%s because %q: %s = %v, it %s be", s.Phase, s.Reason, c.name, c.there, c.need))
		}
	}
	return errors.Join(wrong...)
}

func checkReason(f form, phase instance.Phase, reason instance.Reason, code int, detail string) error {
	if !slices.Contains(f.reasons, reason) {
		return fmt.Errorf("%s because %q: not a reason for this phase", phase, reason)
	}
	p := proofs()[reason]
	fits := slices.Contains(p.codes, code) || p.other && code != 0 || code == 0 && (p.bare || p.codes == nil && !p.other)
	switch {
	case !fits:
		return fmt.Errorf("%s because %q: code %d", phase, reason, code)
	case detail != "" && !p.detail:
		return fmt.Errorf("%s because %q: detail %q", phase, reason, detail)
	}
	return nil
}

// checkWishes: what the operator wants and what is.
func checkWishes(in instance.Instance) error {
	p := in.Status.Phase
	switch {
	case in.State != instance.Active && in.State != instance.Inactive:
		return fmt.Errorf("there is no state %q", in.State)
	case p == instance.PhaseStopped && in.State == instance.Active:
		return errors.New("stopped, and wanted all the same")
	case p != instance.PhaseStopped && in.State == instance.Inactive && in.Logout == nil:
		return fmt.Errorf("%s, and switched off", p)
	case p == instance.PhaseLogoutPending && in.Logout == nil:
		return errors.New("a logout is pending that nobody wished for")
	case in.Logout != nil && !in.Linked():
		return errors.New("a logout of nothing")
	case in.Reachout != nil && !in.Linked():
		return errors.New("a time lock on nothing")
	}
	return nil
}

// CheckMoment says what of an entry of a timeline does not go together; nil
// when it can be.
func CheckMoment(m instance.Moment) error {
	f, known := forms()[m.Phase]
	if !known {
		return fmt.Errorf("there is no phase %q", m.Phase)
	}
	var wrong []error
	detail := ""
	if m.Kind == instance.MomentPhase {
		detail = m.Detail
		if !f.until.fits(!m.Until.IsZero()) {
			wrong = append(wrong, fmt.Errorf("%s: until %v", m.Phase, m.Until))
		}
	}
	wrong = append(wrong, checkReason(f, m.Phase, m.Reason, m.Code, detail))
	switch {
	case !slices.Contains(instance.MomentKinds(), m.Kind):
		wrong = append(wrong, fmt.Errorf("there is no kind %q", m.Kind))
	case m.Actor == "":
		wrong = append(wrong, fmt.Errorf("%s: nobody caused it", m.Kind))
	case m.Online != m.Phase.Online():
		wrong = append(wrong, fmt.Errorf("%s: online = %v", m.Phase, m.Online))
	case m.Online && !m.Wanted && m.Phase != instance.PhaseStopped:
		wrong = append(wrong, fmt.Errorf("%s: online and not wanted", m.Phase))
	case (m.Unlinked || m.Erased) && m.Kind != instance.MomentLogout:
		wrong = append(wrong, fmt.Errorf("%s: says that something was logged out", m.Kind))
	case m.Kind == instance.MomentProxy && m.Detail != "" && (&instance.Proxy{URL: m.Detail}).String() != m.Detail:
		wrong = append(wrong, fmt.Errorf("proxy %q is not written as it is stored", m.Detail))
	}
	return errors.Join(wrong...)
}
