package instance

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"pombal/internal/live"
	"pombal/internal/problem"
)

// Linking by a code that is typed on the phone. The code lives with its
// connection and is not renewed: nobody can type one that changes every 20 s.

// TypedCode is the pairing code that is on the screen now.
type TypedCode struct {
	Code      string    // eight characters, 4-4
	Phone     string    // the number it was asked for, digits
	Other     string    // the other form of a Brazilian number, with or without its ninth digit; else empty
	ShownAt   time.Time // when it came
	ExpiresAt time.Time // WhatsApp closes the connection then
	Seq       uint64    // changes with every code
}

// codeWish is a pairing code that somebody waits for.
type codeWish struct {
	phone string
	done  func(TypedCode, error)
}

var (
	// ErrPasskeyOpen: the account's passkey has to be answered, or pairing be
	// cancelled, before anything else.
	ErrPasskeyOpen = problem.New(problem.Conflict, "error.passkey_open")
	// ErrPairingEnded: pairing ended before it brought what was asked for.
	ErrPairingEnded = problem.New(problem.Unavailable, "error.pairing_ended")
	// ErrWhatsAppSilent: WhatsApp did not answer in time.
	ErrWhatsAppSilent = problem.New(problem.Unavailable, "error.whatsapp_silent")
)

// problemEnded is what a waiting caller hears when pairing ends with s.
func problemEnded(s Status) error {
	if s.Reason == ReasonNone {
		return ErrPairingEnded
	}
	return problem.Wrap(ErrPairingEnded, problem.Unavailable, "error.pairing_ended", "reason", string(s.Reason))
}

// cleanPhone strips what people write into phone numbers and checks the rest.
func cleanPhone(text string) (string, error) {
	text = strings.TrimSpace(text)
	text = strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "", "\u00a0", "").Replace(text)
	bad := func(c rune) bool { return c < '0' || c > '9' }
	if len(text) < 7 || len(text) > 15 || text[0] == '0' || strings.ContainsFunc(text, bad) {
		return "", problem.InvalidField("phone", "error.phone_invalid")
	}
	return text, nil
}

// otherForm is the other way to write a Brazilian mobile number: 55, area code
// of two digits, then eight digits with or without a 9 before them. WhatsApp
// knows some accounts by one form and some by the other.
func otherForm(phone string) string {
	const country, area = 2, 4
	switch {
	case !strings.HasPrefix(phone, "55"):
		return ""
	case len(phone) == area+9 && phone[area] == '9':
		return phone[:area] + phone[area+1:]
	case len(phone) == area+8 && phone[area] >= '6':
		return phone[:area] + "9" + phone[area:]
	default:
		return ""
	}
}

// requestCode asks for a pairing code; done hears of it, once.
func (r *runner) requestCode(ctx context.Context, phone string, done func(TypedCode, error)) {
	if err := r.mayAskCode(); err != nil {
		done(TypedCode{}, err)
		return
	}
	r.dropWish(ErrPairingEnded)
	r.wish = &codeWish{phone: phone, done: done}
	r.lastCode = r.deps.Now()
	r.after(timerWish, r.deps.Timing.Login, func() { r.dropWish(ErrWhatsAppSilent) })
	if p := r.in.Status.Phase; p == PhaseQR || p == PhaseCode {
		r.look()
		r.askCode()
		return
	}
	if err := r.connect(ctx, ConnectParams{ReplaceNumber: r.replace.Load()}); err != nil {
		r.dropWish(err)
	}
}

func (r *runner) mayAskCode() error {
	phase := r.in.Status.Phase
	switch {
	case r.in.Logout != nil:
		return ErrLogoutPending
	case r.in.State == Inactive:
		return ErrSwitchedOff
	case phase.Online():
		return ErrConnected
	case r.in.Linked():
		return ErrLinked
	case phase == PhasePasskey:
		return ErrPasskeyOpen
	}
	if left := r.deps.Timing.CodeEvery - r.deps.Now().Sub(r.lastCode); left > 0 && !r.lastCode.IsZero() {
		return codeTooMany(left)
	}
	return nil
}

func codeTooMany(left time.Duration) error {
	err := problem.New(problem.TooMany, "error.code_too_many", "seconds", int(math.Ceil(left.Seconds())))
	err.RetryAfter = left
	return err
}

// askCode asks WhatsApp, on a connection that shows QR codes. They stay on the
// screen until the answer is there.
func (r *runner) askCode() {
	wish, sess, gen := r.wish, r.sess, r.gen
	r.work(func() {
		ctx, cancel := context.WithTimeout(context.Background(), r.deps.Timing.CodeAnswer)
		defer cancel()
		code, err := sess.RequestCode(ctx, wish.phone)
		r.box.post(func() { r.codeAnswered(gen, wish, code, err) })
	})
}

func (r *runner) codeAnswered(gen int, wish *codeWish, code string, err error) {
	if gen != r.gen || wish != r.wish {
		return
	}
	if err != nil {
		r.log.Warn("ask for a pairing code", "error", err)
		r.dropWish(codeProblem(err))
		return
	}
	r.blank()
	r.seq++
	now := r.deps.Now()
	typed := TypedCode{
		Code: code, Phone: wish.phone, Other: otherForm(wish.phone), ShownAt: now, ExpiresAt: r.roundEnd, Seq: r.seq,
	}
	r.typed.Store(&typed)
	r.enter(Status{Phase: PhaseCode})
	r.deps.Notify(live.SignalQR(r.id))
	r.after(timerCode, r.roundEnd.Sub(now), func() {
		r.pairEnded(Status{Phase: PhaseLinkExpired, Reason: ReasonCodeExpired})
	})
	r.wish = nil
	r.clear(timerWish)
	wish.done(typed, nil)
}

// codeRetry is the wait after WhatsApp called our requests too many.
const codeRetry = 10 * time.Minute

// codeProblem says what a person can do about a refused request for a code.
func codeProblem(err error) error {
	var server *ServerError
	switch {
	case !errors.As(err, &server):
		return problem.Wrap(err, problem.Unavailable, ErrWhatsAppSilent.Text.Key)
	case server.Code == 429:
		return codeTooMany(codeRetry)
	case server.Code == 400, server.Code == 404:
		return problem.InvalidField("phone", "error.phone_refused")
	default:
		return problem.Wrap(err, problem.Unavailable, "error.code_refused", "code", server.Code)
	}
}

// dropWish tells whoever waits for a pairing code that none comes.
func (r *runner) dropWish(err error) {
	if wish := r.wish; wish != nil {
		r.wish = nil
		r.clear(timerWish)
		wish.done(TypedCode{}, err)
	}
}
