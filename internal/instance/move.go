package instance

import (
	"context"
	"time"

	"pombal/internal/live"
	"pombal/internal/problem"
)

// Leaving is an account on its way to another instance. It is stored with the
// instance that gives it up, before the other one has it: should Pombal stop
// between the two, the move is finished at the next start. Never do both hold
// the account, which would make their connections fight each other.
type Leaving struct {
	To      string   `json:"to"` // an instance id
	Account WhatsApp `json:"account"`
}

// MoveParams are the inputs of Manager.MoveWhatsApp.
type MoveParams struct {
	BusinessID string // both instances must be of this tenant
	WhatsAppID string // of the account
	TargetID   string // the instance that gets it; must not be linked
}

var (
	// ErrNoAccount: no instance of the tenant has the account linked.
	ErrNoAccount = problem.New(problem.NotFound, "error.not_found")
	// ErrTargetLinked: the target has an account already.
	ErrTargetLinked = problem.InvalidField("instanceIdTarget", "error.invalid")
)

// closeLimit is how long an old connection may take to end; closing takes at
// most as long as a handshake.
const closeLimit = time.Minute

// MoveWhatsApp takes a linked account, keys and all, from the instance that has
// it to another one. Nothing changes on the phone. It gives the target.
func (m *Manager) MoveWhatsApp(ctx context.Context, p MoveParams) (Instance, error) {
	own, err := m.of(ctx, p.BusinessID)
	if err != nil {
		return Instance{}, err
	}
	source, target := "", ""
	for _, in := range own {
		if in.Linked() && in.WhatsApp.ID == p.WhatsAppID {
			source = in.ID
		}
		if in.ID == p.TargetID {
			target = in.ID
		}
	}
	switch {
	case source == "":
		return Instance{}, ErrNoAccount
	case target == "":
		return Instance{}, ErrNotFound
	case source == target:
		return m.Get(ctx, target)
	}
	from, err := m.runner(source)
	if err != nil {
		return Instance{}, err
	}
	to, err := m.runner(target)
	if err != nil {
		return Instance{}, err
	}
	if err := to.do(ctx, to.makeRoom); err != nil {
		return Instance{}, err
	}
	if err := from.do(ctx, func() error { return from.giveUp(ctx, target) }); err != nil {
		return Instance{}, err
	}
	// From here on the caller's leaving must not stop it half way.
	if err := m.finishMove(context.WithoutCancel(ctx), from, to); err != nil {
		return Instance{}, err
	}
	m.deps.Notify(live.SignalInstances)
	return m.Get(ctx, target)
}

// makeRoom ends what the target is doing; an account it has is not replaced.
func (r *runner) makeRoom() error {
	if r.in.Linked() || r.in.Candidate != "" || r.in.Leaving != nil {
		return ErrTargetLinked
	}
	r.cancelPairing()
	return nil
}

// giveUp ends the connection and stores where the account goes.
func (r *runner) giveUp(ctx context.Context, to string) error {
	if !r.in.Linked() || r.in.Logout != nil {
		return ErrNoAccount
	}
	err := r.apply(ctx, func(in *Instance) error {
		in.Leaving = &Leaving{To: to, Account: *in.WhatsApp}
		in.WhatsApp = nil
		in.Status = Status{Phase: PhaseNew, Since: r.deps.Now(), Reason: ReasonOperator}
		return nil
	})
	if err == nil {
		r.blank()
		r.retire()
	}
	return err
}

// finishMove waits for the old connection to end, gives the account to its new
// instance and forgets the move. An instance that cannot take it any more
// leaves it where it was.
func (m *Manager) finishMove(ctx context.Context, from, to *runner) error {
	ended := make(chan struct{})
	from.box.post(func() { from.whenClosed(func() { close(ended) }) })
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case <-ended:
	case <-from.done:
		return ErrShuttingDown
	case <-limit.C:
		return problem.New(problem.Unavailable, "error.unavailable") // the next start finishes it
	}
	leaving := from.snap.Load().Leaving
	if leaving == nil {
		return nil
	}
	var taken error = ErrTargetLinked
	if to != nil {
		taken = to.do(ctx, func() error { return to.takeOver(ctx, leaving.Account) })
	}
	if taken != nil && problem.KindOf(taken) != problem.Invalid {
		return taken // still stored as leaving
	}
	err := from.do(ctx, func() error { return from.forgetMove(ctx, taken != nil) })
	if taken != nil {
		return taken
	}
	return err
}

// takeOver stores the account as this instance's own and connects.
func (r *runner) takeOver(ctx context.Context, account WhatsApp) error {
	if r.in.Linked() && r.in.WhatsApp.Device == account.Device {
		return nil // an earlier process got as far as this
	}
	if err := r.makeRoom(); err != nil {
		return err
	}
	err := r.apply(ctx, func(in *Instance) error {
		in.WhatsApp = &account
		if in.State == Active {
			in.Status = Status{Phase: PhaseReconnecting, Since: r.deps.Now(), Reason: ReasonOperator}
		}
		return nil
	})
	if err == nil && r.in.State == Active {
		r.open()
	}
	return err
}

// forgetMove ends the move here: the account is gone, or back when the other
// instance could not take it.
func (r *runner) forgetMove(ctx context.Context, back bool) error {
	leaving := r.in.Leaving
	if leaving == nil {
		return nil
	}
	err := r.apply(ctx, func(in *Instance) error {
		in.Leaving = nil
		if back && !in.Linked() {
			account := leaving.Account
			in.WhatsApp = &account
		}
		return nil
	})
	if err == nil && back {
		r.resume(0)
	}
	return err
}

// whenClosed runs fn once no earlier connection is open.
func (r *runner) whenClosed(fn func()) {
	if r.closing == 0 {
		fn()
		return
	}
	r.onceClosed = append(r.onceClosed, fn)
}

// finishMoves ends moves that an earlier process did not.
func (m *Manager) finishMoves(runners []*runner) {
	for _, from := range runners {
		leaving := from.snap.Load().Leaving
		if leaving == nil {
			continue
		}
		to, err := m.runner(leaving.To)
		if err != nil {
			to = nil // deleted meanwhile
		}
		if err := m.finishMove(context.Background(), from, to); err != nil {
			from.log.Warn("finish the move of an account", "to", leaving.To, "error", err)
		}
	}
}
