package instance

import (
	"context"
	"sync"
	"time"
)

// MomentKind says what a Moment tells.
type MomentKind string

// The kinds.
const (
	MomentPhase    MomentKind = "phase"    // another phase, reason or wish
	MomentLogout   MomentKind = "logout"   // the receipt of a logout made here
	MomentIdentity MomentKind = "identity" // a contact's security code changed (its JID in Detail)
	MomentReachout MomentKind = "reachout" // a time lock began (Until) or ended (Until zero)
	MomentProxy    MomentKind = "proxy"    // another proxy (in Detail, without its password; empty: none)
)

// MomentKinds returns all kinds, so that catalogues can be checked for
// completeness.
func MomentKinds() []MomentKind {
	return []MomentKind{MomentPhase, MomentLogout, MomentIdentity, MomentReachout, MomentProxy}
}

// Actors that are no person; persons are named as the audit log names them.
const (
	ActorPombal   = "pombal"
	ActorPhone    = "phone"
	ActorWhatsApp = "whatsapp"
)

// Moment is one entry of an instance's timeline.
type Moment struct {
	InstanceID string     `json:"instanceId"`
	At         time.Time  `json:"at"`
	Kind       MomentKind `json:"kind"`
	Phase      Phase      `json:"phase"`
	Reason     Reason     `json:"reason,omitempty"`
	Code       int        `json:"code,omitempty"`
	Detail     string     `json:"detail,omitempty"`
	Actor      string     `json:"actor"`            // who caused it: user:…, key:…, pombal, phone, whatsapp
	Online     bool       `json:"online,omitempty"` // messages flow from now on
	Wanted     bool       `json:"wanted,omitempty"` // they should: linked and switched on
	Unlinked   bool       `json:"unlinked,omitempty"`
	Erased     bool       `json:"erased,omitempty"`
	Until      time.Time  `json:"until,omitzero"`
}

type actorKey struct{}

// WithActor names who acts, for the timeline.
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// ActorOf is who acts according to WithActor; empty when nobody was named.
func ActorOf(ctx context.Context) string {
	actor, _ := ctx.Value(actorKey{}).(string)
	return actor
}

// changed says whether a change is worth a moment. Codes that follow each other
// and attempts that fail alike are not.
func changed(before, after Instance) bool {
	a, b := before.Status, after.Status
	return a.Phase != b.Phase || a.Reason != b.Reason || a.Code != b.Code ||
		before.State != after.State || before.Linked() != after.Linked()
}

// tell appends to the timeline what is now.
func (r *runner) tell(m Moment) {
	in := r.in
	m.InstanceID, m.At = in.ID, r.deps.Now()
	m.Phase, m.Reason, m.Code = in.Status.Phase, in.Status.Reason, in.Status.Code
	if m.Kind == MomentPhase {
		m.Detail, m.Until = in.Status.Detail, in.Status.Until
	}
	m.Online, m.Wanted = in.Status.Phase.Online(), in.Linked() && in.State == Active && in.Status.Phase != PhasePaired
	if m.Actor == "" {
		m.Actor = ActorFor(m.Reason)
	}
	r.deps.story.add(m)
}

// ActorFor guesses who is behind a change that nobody put a name to.
func ActorFor(reason Reason) string {
	switch reason {
	case ReasonPhoneRemoved, ReasonPrimaryGone, ReasonScannedOld, ReasonOtherNumber:
		return ActorPhone
	case ReasonAccountBanned, ReasonTempBan, ReasonOutdated, ReasonRefused, ReasonReplaced, ReasonBusy, ReasonStream,
		ReasonFrontDoor, ReasonPasskey:
		return ActorWhatsApp
	default:
		return ActorPombal
	}
}

// chronicle writes moments of all instances, beside their goroutines and many
// in one commit: at a start or a cut of the network hundreds come at once.
type chronicle struct {
	write func([]Moment)

	mu      sync.Mutex
	waiting []Moment
	running bool
	idle    *sync.Cond
}

func newChronicle(write func([]Moment)) *chronicle {
	c := &chronicle{write: write}
	c.idle = sync.NewCond(&c.mu)
	return c
}

func (c *chronicle) add(m Moment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, m)
	if !c.running {
		c.running = true
		go c.run()
	}
}

func (c *chronicle) run() {
	for {
		c.mu.Lock()
		batch := c.waiting
		c.waiting = nil
		if len(batch) == 0 {
			c.running = false
			c.idle.Broadcast()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.write(batch)
	}
}

// flush waits until everything told so far is written.
func (c *chronicle) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.running {
		c.idle.Wait()
	}
}

// Timeline gives the newest moments of an instance, newest first.
func (m *Manager) Timeline(ctx context.Context, id string, limit int) ([]Moment, error) {
	if _, err := m.runner(id); err != nil {
		return nil, err
	}
	m.deps.story.flush()
	return m.deps.Store.Timeline(ctx, id, time.Time{}, limit)
}
