package instance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pombal/internal/event"
	"pombal/internal/problem"
)

// SendTextParams are the inputs of Manager.SendText; see SendParams.
type SendTextParams struct {
	To                 string
	Text               string // 1 to 4096 characters once white space around it is cut
	ID                 string
	Quote              *Quote
	ExternalAttributes string
}

// SendParams are the inputs of Manager.Send.
type SendParams struct {
	// To is a phone number with its country code, in digits (a leading + and
	// spaces, dots, hyphens and parentheses are taken off), or a WhatsApp
	// address of a person (…@s.whatsapp.net, …@lid) or of a group (…@g.us).
	To      string
	Content Content // must not be nil
	// ID, when not empty, becomes WhatsApp's id of the message: 8 to 64
	// letters, digits, hyphens or underscores. One that the instance has sent
	// already is refused, so that a lost answer can be tried again safely.
	ID    string
	Quote *Quote // the message that this one answers, or nil
	// ExternalAttributes is given back in send.message as it is; at most 1024
	// bytes.
	ExternalAttributes string
}

// Quote names a message of the same chat.
type Quote struct {
	KeyID  string // WhatsApp's id of it
	Author string // address of who wrote it; empty: the recipient
	Text   string // what it said, shown above the answer
}

// Sent is a message that WhatsApp has taken.
type Sent struct {
	MessageID string    // ours, as in the events
	KeyID     string    // WhatsApp's
	Timestamp time.Time // WhatsApp's
	// Data is CodeChat's ResponseSendMessage, the data of send.message.
	Data event.SentData
}

// SendResult is what a session says of a message that WhatsApp has taken.
type SendResult struct {
	Data event.SentData
}

// Errors of Session.Send besides ErrNotConnected and the context's.
var (
	// ErrNotOnWhatsApp: nobody has this number there.
	ErrNotOnWhatsApp = problem.InvalidField("recipient", "error.recipient_not_on_whatsapp")
	// ErrSendUnknown: WhatsApp did not answer in time, so that nobody can say
	// whether the message went out.
	ErrSendUnknown = problem.New(problem.Unavailable, "error.send_unknown")
)

// SendRefusedError is WhatsApp's refusal of a message.
type SendRefusedError struct {
	Code  int       // WhatsApp's number for it
	Until time.Time // with 463: when it ends, as far as WhatsApp has said so
}

// Error describes the refusal for the log.
func (e *SendRefusedError) Error() string {
	return fmt.Sprintf("WhatsApp refused the message: %d", e.Code)
}

// codeReachout is WhatsApp's refusal of a message to somebody new.
const codeReachout = 463

// SendText sends a text; see Send. problem.Invalid names the text "text".
func (m *Manager) SendText(ctx context.Context, id string, p SendTextParams) (Sent, error) {
	return m.Send(ctx, id, SendParams{
		To: p.To, Content: Text(p.Text), ID: p.ID, Quote: p.Quote, ExternalAttributes: p.ExternalAttributes,
	})
}

// Send sends a message and returns once WhatsApp has taken it and the events
// are recorded. Messages of an instance go out one after the other, in the
// order in which they were asked for, and no faster than its Pace; files are
// uploaded before they take their turn. problem.Invalid names the fields
// "recipient", "id", "quoted", "externalAttributes" and those of the Content in
// lower case; ErrNotFound, ErrNotConnected, problem.Conflict for an id that was
// used, problem.TooMany with the time to wait. When ctx ends while WhatsApp is
// being waited for, the message may go out all the same, and its events tell.
// The File of a Media is closed by Send, whatever becomes of it.
func (m *Manager) Send(ctx context.Context, id string, p SendParams) (Sent, error) {
	media, isMedia := p.Content.(Media)
	if isMedia {
		defer func() { _ = media.File.Close() }() // it is uploaded by then, or of no more use
	}
	p, err := p.Clean()
	if err != nil {
		return Sent{}, err
	}
	r, err := m.runner(id)
	if err != nil {
		return Sent{}, err
	}
	if isMedia {
		if p, err = r.upload(ctx, p); err != nil {
			return Sent{}, err
		}
	}
	return r.send(ctx, p)
}

// send runs on the caller's goroutine, so that an instance's state goes on
// changing while WhatsApp is being waited for.
func (r *runner) send(ctx context.Context, p SendParams) (Sent, error) {
	if !r.snap.Load().Status.Phase.Online() {
		return Sent{}, ErrNotConnected
	}
	ctx, cancel := context.WithTimeout(ctx, r.sends.pace.Limit)
	defer cancel()
	if err := r.sends.enter(ctx); err != nil {
		return Sent{}, err
	}
	sess, err := r.readyToSend(ctx, p)
	if err != nil {
		r.sends.leave()
		return Sent{}, err
	}
	type outcome struct {
		res SendResult
		err error
	}
	done := make(chan outcome, 1)
	go func() { // it outlives a caller who gives up, so that its events are recorded
		defer r.sends.leave()
		sendCtx, cancel := context.WithTimeout(r.sends.ctx, r.sends.pace.Limit)
		defer cancel()
		res, err := sess.Send(sendCtx, p)
		r.sends.learn(p.To, event.Party{JID: res.Data.KeyRemoteJID, LID: res.Data.KeyRemoteLID})
		done <- outcome{res, r.sendError(err)}
	}()
	select {
	case out := <-done:
		return sent(out.res), out.err
	case <-ctx.Done():
		return Sent{}, problem.Wrap(ctx.Err(), problem.Unavailable, "error.send_unknown")
	}
}

func sent(res SendResult) Sent {
	d := res.Data
	if d.KeyID == "" {
		return Sent{}
	}
	return Sent{MessageID: d.MessageID, KeyID: d.KeyID, Timestamp: time.Unix(d.MessageTimestamp, 0), Data: d}
}

// maySend refuses what cannot be sent whatever its turn, and says whether the
// recipient is somebody new.
func (r *runner) maySend(ctx context.Context, p SendParams) (fresh bool, err error) {
	if err := r.deps.storage(); err != nil {
		return false, err
	}
	if p.ID != "" {
		_, used, err := r.deps.Recorder.Message(ctx, r.id, p.ID)
		if err != nil {
			return false, err
		}
		if used {
			return false, errIDUsed
		}
	}
	known, err := r.deps.Recorder.ChatKnown(ctx, r.id, r.sends.partyOf(p.To))
	if err != nil || known {
		return false, err
	}
	return true, r.sends.mayReachOut(r.deps.Now())
}

// readyToSend checks what may have changed while the message waited for its
// turn, and waits for the pace.
func (r *runner) readyToSend(ctx context.Context, p SendParams) (Session, error) {
	fresh, err := r.maySend(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := r.sends.wait(ctx, fresh, r.deps.Now); err != nil {
		return nil, err
	}
	return r.online(ctx)
}

// online is the session of an instance that is connected.
func (r *runner) online(ctx context.Context) (Session, error) {
	var sess Session
	err := r.do(ctx, func() error {
		if r.sess == nil || !r.in.Status.Phase.Online() {
			return ErrNotConnected
		}
		sess = r.sess
		return nil
	})
	return sess, err
}

// sendError makes of a session's error what people can act on, and remembers a
// refusal that holds for a while.
func (r *runner) sendError(err error) error {
	var refused *SendRefusedError
	switch {
	case err == nil, problem.As(err) != nil:
		return err
	case errors.As(err, &refused) && refused.Code == codeReachout:
		r.log.Warn("WhatsApp refuses messages to new people", "until", refused.Until)
		r.reachoutRefused(refused.Until)
		return r.sends.lockReachOut(r.deps.Now(), refused.Until)
	case errors.As(err, &refused):
		r.log.Warn("WhatsApp refused a message", "code", refused.Code)
		return problem.Wrap(err, problem.Unavailable, "error.send_refused", "code", refused.Code)
	default:
		r.log.Warn("send a message", "error", err)
		return problem.Wrap(err, problem.Unavailable, "error.send_failed")
	}
}
