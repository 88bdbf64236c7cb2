package instance

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"pombal/internal/live"
	"pombal/internal/problem"
)

// The passkey step. WhatsApp asks some accounts, after the scan or the typed
// code, for a signature by their passkey. It is bound to WhatsApp's own site, so
// a person answers it there and brings the answer here.

// Passkey is the passkey step that is under way.
type Passkey struct {
	Request   []byte    // what the passkey has to sign: WebAuthn's publicKey object, JSON
	ExpiresAt time.Time // the step is given up then
	Answered  bool      // WhatsApp took the answer; the phone goes on
	Code      string    // what the phone must show too; set once it is known
	Confirm   bool      // a person must compare the codes; see Manager.ConfirmPasskey
	Seq       uint64    // changes with every step
}

// maxAnswer bounds a pasted answer, in bytes. Real ones have about 1 KB.
const maxAnswer = 64 << 10

func (r *runner) passkeyAsked(s SignalPasskey) {
	if r.in.Linked() {
		return
	}
	// Every code of this round is dead: it carries the old secret.
	typed := r.typed.Load()
	r.blank()
	r.typed.Store(typed) // for the number that was typed; the phase no longer shows it
	r.clear(timerLogin)
	r.codes = nil
	r.seq++
	limit := r.deps.Timing.Passkey
	r.passkey.Store(&Passkey{Request: s.Request, ExpiresAt: r.deps.Now().Add(limit), Seq: r.seq})
	r.enter(Status{Phase: PhasePasskey, Reason: ReasonPasskey})
	r.deps.Notify(live.SignalQR(r.id))
	r.dropWish(ErrPasskeyOpen)
	r.after(timerPasskey, limit, func() {
		r.pairEnded(Status{Phase: PhaseLinkExpired, Reason: ReasonPasskeyTimeout})
	})
}

// changePasskey shows a new state of the step, if it is still under way.
func (r *runner) changePasskey(change func(*Passkey)) {
	if p := r.passkey.Load(); p != nil {
		next := *p
		change(&next)
		r.passkey.Store(&next)
		r.deps.Notify(live.SignalInstance(r.id))
	}
}

func (r *runner) passkeyAccepted(s SignalPasskeyConfirm) {
	if r.passkey.Load() == nil || r.sess == nil {
		return
	}
	r.changePasskey(func(p *Passkey) { p.Answered, p.Code, p.Confirm = true, s.Code, !s.Skip })
	if s.Skip {
		r.confirmPasskey(func(err error) {
			if err != nil {
				r.log.Warn("confirm the passkey step", "error", err)
				r.changePasskey(func(p *Passkey) { p.Confirm = true }) // by hand then
			}
		})
	}
}

// answerPasskey sends an answer that has been checked.
func (r *runner) answerPasskey(answer []byte, done func(error)) {
	p := r.passkey.Load()
	if p == nil || r.sess == nil {
		done(ErrNoPasskey)
		return
	}
	answer, err := checkAnswer(p.Request, answer)
	if err != nil {
		done(err)
		return
	}
	r.question(func(ctx context.Context, sess Session) error { return sess.AnswerPasskey(ctx, answer) },
		func(err error) {
			if err == nil {
				r.changePasskey(func(p *Passkey) { p.Answered = true })
			}
			done(passkeyProblem(err))
		})
}

// confirmPasskey goes on after the codes were compared.
func (r *runner) confirmPasskey(done func(error)) {
	if p := r.passkey.Load(); p == nil || p.Code == "" || r.sess == nil {
		done(ErrNoPasskey)
		return
	}
	r.question(func(ctx context.Context, sess Session) error { return sess.ConfirmPasskey(ctx) },
		func(err error) {
			if err == nil {
				r.changePasskey(func(p *Passkey) { p.Confirm = false })
			}
			done(passkeyProblem(err))
		})
}

// question asks WhatsApp something beside the goroutine; done runs on it.
func (r *runner) question(ask func(context.Context, Session) error, done func(error)) {
	sess := r.sess
	r.work(func() {
		ctx, cancel := context.WithTimeout(context.Background(), r.deps.Timing.CodeAnswer)
		defer cancel()
		err := ask(ctx, sess)
		r.box.post(func() { done(err) })
	})
}

// passkeyProblem says what a person can do about a refused answer.
func passkeyProblem(err error) error {
	var server *ServerError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &server):
		return problem.InvalidField("answer", "error.passkey_refused")
	default:
		return problem.Wrap(err, problem.Unavailable, ErrWhatsAppSilent.Text.Key)
	}
}

// passkeyAnswer is WebAuthn's answer as a browser gives it.
type passkeyAnswer struct {
	ID       string `json:"id"`
	RawID    string `json:"rawId"`
	Type     string `json:"type"`
	Response struct {
		ClientData string `json:"clientDataJSON"`
		Auth       string `json:"authenticatorData"`
		Signature  string `json:"signature"`
		UserHandle string `json:"userHandle,omitempty"`
	} `json:"response"`
}

// checkAnswer checks an answer against its request, because WhatsApp tells of
// any mistake by one number, and writes it in the one form the library reads.
func checkAnswer(request, answer []byte) ([]byte, error) {
	if len(answer) > maxAnswer {
		return nil, problem.InvalidField("answer", "error.passkey_json")
	}
	var a passkeyAnswer
	if err := json.Unmarshal(bytes.TrimSpace(answer), &a); err != nil {
		return nil, problem.InvalidField("answer", "error.passkey_json")
	}
	if missing := a.normalise(); len(missing) > 0 {
		return nil, problem.InvalidField("answer", "error.passkey_missing", "fields", strings.Join(missing, ", "))
	}
	if a.Type != "public-key" {
		return nil, problem.InvalidField("answer", "error.passkey_missing", "fields", `type "public-key"`)
	}
	if !sameChallenge(request, a.Response.ClientData) {
		return nil, problem.InvalidField("answer", "error.passkey_challenge")
	}
	return json.Marshal(a)
}

// normalise rewrites the binary fields in unpadded base64url and names those
// that are missing or unreadable.
func (a *passkeyAnswer) normalise() (missing []string) {
	if a.ID == "" {
		missing = append(missing, "id")
	}
	if a.Type == "" {
		missing = append(missing, "type")
	}
	for _, f := range []struct {
		name string
		text *string
	}{
		{"rawId", &a.RawID},
		{"response.clientDataJSON", &a.Response.ClientData},
		{"response.authenticatorData", &a.Response.Auth},
		{"response.signature", &a.Response.Signature},
	} {
		raw, err := base64Any(*f.text)
		if err != nil || len(raw) == 0 {
			missing = append(missing, f.name)
			continue
		}
		*f.text = base64.RawURLEncoding.EncodeToString(raw)
	}
	if handle, err := base64Any(a.Response.UserHandle); err == nil {
		a.Response.UserHandle = base64.RawURLEncoding.EncodeToString(handle)
	}
	return missing
}

// base64Any reads both alphabets, padded or not: tools differ.
func base64Any(text string) ([]byte, error) {
	text = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimSpace(text)), "=")
	return base64.RawURLEncoding.DecodeString(text)
}

// sameChallenge says whether what was signed is what was asked.
func sameChallenge(request []byte, clientData string) bool {
	var asked, signed struct {
		Challenge string `json:"challenge"`
	}
	raw, err := base64Any(clientData)
	if err != nil || json.Unmarshal(raw, &signed) != nil || json.Unmarshal(request, &asked) != nil {
		return false
	}
	a, errA := base64Any(asked.Challenge)
	b, errB := base64Any(signed.Challenge)
	return errA == nil && errB == nil && len(a) > 0 && bytes.Equal(a, b)
}
