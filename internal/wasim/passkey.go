package wasim

import (
	"context"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

// PasskeyOptions says how a phone's passkey step goes. The zero value is a step
// that succeeds with a valid answer.
type PasskeyOptions struct {
	// Refuse is how many answers are refused with error 400, valid or not.
	Refuse int `json:"refuse,omitempty"`
	// Swallow is how many valid answers are accepted and lead nowhere. The client
	// forgets its proof with the first one accepted, so the next answer leads to a
	// confirmation without SkipHandoffUX: somebody has to compare codes.
	Swallow int `json:"swallow,omitempty"`
	// Silent accepts answers and never goes on.
	Silent bool `json:"silent,omitempty"`
	// NoOptions sends the request without its options; the client asks for them.
	NoOptions bool `json:"noOptions,omitempty"`
	// Unreadable makes the options unreadable, in the request and when asked for:
	// the client reports an error that is no continuation.
	Unreadable bool `json:"unreadable,omitempty"`
	// BadContinuation sends the phone's key with a wrong length: the client reports
	// an error in the continuation.
	BadContinuation bool `json:"badContinuation,omitempty"`
}

// passkey is a phone's credential and its switch.
type passkey struct {
	on   bool
	opts PasskeyOptions
	id   []byte
	key  *ecdsa.PrivateKey
	code string // of the last step that came that far
}

// passkeyStep is one passkey step on one connection. Guarded by Server.mu.
type passkeyStep struct {
	phone     *Phone
	opts      PasskeyOptions
	secret    [32]byte // that of the picture or the typed code
	challenge []byte
	options   []byte // JSON of the request
	ref       string
	identity  []byte // the client's ephemeral identity as it came
	theirs    *waCompanionReg.CompanionEphemeralIdentity
	committed []byte
	ours      *keys.KeyPair
	nonce     [32]byte
	opened    bool          // the client's nonce has come and fits
	done      chan [32]byte // the new secret, capacity 1
}

// RequirePasskey makes every later link to this phone go through the passkey
// step, after a scan as well as after a typed code. Scan and EnterCode return
// when it has succeeded, or with their context.
func (p *Phone) RequirePasskey(opts PasskeyOptions) error {
	if err := p.makePasskey(); err != nil {
		return err
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.passkey.on, p.passkey.opts = true, opts
	return nil
}

// DropPasskey ends [Phone.RequirePasskey], as removing the passkey on the phone does.
func (p *Phone) DropPasskey() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.passkey != nil {
		p.passkey.on = false
	}
}

// PasskeyCode returns the code that the phone showed in its last passkey step,
// "XXXX-XXXX", or "" when none came that far. The client's must be the same.
func (p *Phone) PasskeyCode() string {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.passkey == nil {
		return ""
	}
	return p.passkey.code
}

// gate runs the passkey step when the phone wants one and returns the secret
// that the proof of the link has to be made with.
func (p *Phone) gate(ctx context.Context, c *conn, secret [32]byte) ([32]byte, error) {
	step := &passkeyStep{phone: p, secret: secret, done: make(chan [32]byte, 1), challenge: make([]byte, 32)}
	_, _ = rand.Read(step.challenge) // never returns an error
	p.s.mu.Lock()
	if p.passkey == nil || !p.passkey.on {
		p.s.mu.Unlock()
		return secret, nil
	}
	step.opts = p.passkey.opts
	options, err := p.passkey.request(step.challenge)
	step.options = options
	if step.opts.Unreadable {
		step.options = []byte("{")
	}
	c.passkey = step
	p.s.mu.Unlock()
	if err != nil {
		return secret, err
	}
	defer func() {
		p.s.mu.Lock()
		defer p.s.mu.Unlock()
		if c.passkey == step {
			c.passkey = nil
		}
	}()
	var content []waBinary.Node
	if !step.opts.NoOptions {
		content = append(content, waBinary.Node{Tag: "passkey_request_options", Content: step.options})
	}
	c.send(notification("passkey_prologue_request", types.ServerJID, content...).node)
	select {
	case secret = <-step.done:
		return secret, nil
	case <-c.ctx.Done():
		return secret, fmt.Errorf("%w: it closed the connection", ErrRejected)
	case <-ctx.Done():
		return secret, fmt.Errorf("wait for the passkey step: %w", ctx.Err())
	}
}

// iqPasskey answers the client's part of the passkey step.
func (s *Server) iqPasskey(c *conn, n waBinary.Node) iqAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := c.passkey
	if step == nil {
		return iqAnswer{fail: 404}
	}
	var answer iqAnswer
	var err error
	switch n.Tag {
	case "ref":
		step.ref = newRef()
		return iqAnswer{content: []waBinary.Node{{Tag: "ref", Content: []byte(step.ref)}}}
	case "passkey_request_options":
		return iqAnswer{content: []waBinary.Node{{Tag: "passkey_request_options", Content: step.options}}}
	case "passkey_prologue":
		answer, err = step.prologue(c, n)
	case "companion_nonce":
		err = step.open(bytesOf(n))
	case "encrypted_pairing_request":
		answer, err = step.finish(c, bytesOf(n))
	}
	s.announce()
	if err != nil {
		s.log.Warn("passkey step", "phone", step.phone.number, "stanza", n.Tag, "error", err)
		return iqAnswer{fail: 400}
	}
	return answer
}

// prologue checks the client's answer to the request. s.mu must be held.
func (st *passkeyStep) prologue(c *conn, n waBinary.Node) (iqAnswer, error) {
	if st.opts.Refuse > 0 {
		st.opts.Refuse--
		return iqAnswer{}, errors.New("refused on demand")
	}
	if err := st.phone.passkey.check(st.challenge, bytesOf(n.GetChildByTag("credential_id")), bytesOf(n.GetChildByTag("webauthn_assertion"))); err != nil {
		return iqAnswer{}, err
	}
	payload := bytesOf(n.GetChildByTag("prologue_payload"))
	if proof, ok := n.GetOptionalChildByTag("pairing_handoff_proof"); ok {
		if err := st.checkProof(payload, bytesOf(proof)); err != nil {
			return iqAnswer{}, err
		}
	}
	if err := st.readPayload(payload); err != nil {
		return iqAnswer{}, err
	}
	if st.opts.Swallow > 0 {
		st.opts.Swallow--
		return iqAnswer{}, nil
	}
	if st.opts.Silent {
		return iqAnswer{}, nil
	}
	st.ours, st.opened = keys.NewKeyPair(), false
	_, _ = rand.Read(st.nonce[:]) // never returns an error
	hello := &waCompanionReg.PrimaryEphemeralIdentity{PublicKey: st.ours.Pub[:], Nonce: st.nonce[:]}
	if st.opts.BadContinuation {
		hello.PublicKey = hello.PublicKey[:31]
	}
	raw, err := proto.Marshal(hello)
	if err != nil {
		return iqAnswer{}, fmt.Errorf("encode the phone's identity: %w", err)
	}
	return iqAnswer{after: func() {
		c.send(notification("crsc_continuation", types.ServerJID, waBinary.Node{Tag: "primary_ephemeral_identity", Content: raw}).node)
	}}, nil
}

// checkProof checks that the client that answers is the one whose picture was
// scanned (or whose code was typed).
func (st *passkeyStep) checkProof(payload, proof []byte) error {
	key, err := hkdf.Key(sha256.New, st.secret[:], nil, "shortcake-passkey-handoff-v1", 32)
	if err != nil {
		return fmt.Errorf("handoff key: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	if !hmac.Equal(mac.Sum(nil), proof) {
		return errors.New("the handoff proof is wrong")
	}
	return nil
}

func (st *passkeyStep) readPayload(payload []byte) error {
	var prologue waCompanionReg.ProloguePayload
	if err := proto.Unmarshal(payload, &prologue); err != nil {
		return fmt.Errorf("prologue: %w", err)
	}
	st.theirs = &waCompanionReg.CompanionEphemeralIdentity{}
	st.identity = prologue.GetCompanionEphemeralIdentity()
	if err := proto.Unmarshal(st.identity, st.theirs); err != nil {
		return fmt.Errorf("ephemeral identity: %w", err)
	}
	st.committed = prologue.GetCommitment().GetHash()
	if len(st.theirs.GetPublicKey()) != 32 || len(st.committed) != sha256.Size || st.ref == "" || st.theirs.GetRef() != st.ref {
		return errors.New("the prologue is incomplete or has another reference")
	}
	return nil
}

// open checks the client's nonce against its commitment and makes the code that
// both sides show. s.mu must be held.
func (st *passkeyStep) open(nonce []byte) error {
	if st.ours == nil || len(nonce) != 32 {
		return errors.New("a nonce before the continuation, or of the wrong length")
	}
	if sum := sha256.Sum256(join(st.identity, nonce)); string(sum[:]) != string(st.committed) {
		return errors.New("the nonce is not the one committed to")
	}
	sum := sha256.Sum256(join(nonce, st.ours.Pub[:]))
	code := make([]byte, 5)
	for i := range code {
		code[i] = st.nonce[i] ^ sum[i]
	}
	st.opened, st.phone.passkey.code = true, codeText(code)
	return nil
}

// finish opens the client's keys and its new secret. s.mu must be held.
func (st *passkeyStep) finish(c *conn, raw []byte) (iqAnswer, error) {
	if !st.opened {
		return iqAnswer{}, errors.New("a pairing request before the nonce")
	}
	var box waCompanionReg.EncryptedPairingRequest
	if err := proto.Unmarshal(raw, &box); err != nil {
		return iqAnswer{}, fmt.Errorf("pairing request: %w", err)
	}
	shared, err := dh(st.ours.Priv[:], st.theirs.GetPublicKey())
	if err != nil {
		return iqAnswer{}, fmt.Errorf("pairing request: %w", err)
	}
	salt := fmt.Sprintf("Companion Pairing %d with ref %s", st.theirs.GetDeviceType(), st.ref)
	plain, err := openHKDF(shared, []byte(salt), "Pairing Information Encryption Key", box.GetIV(), box.GetEncryptedPayload())
	if err != nil {
		return iqAnswer{}, fmt.Errorf("pairing request: %w", err)
	}
	var req waCompanionReg.PairingRequest
	if err := proto.Unmarshal(plain, &req); err != nil {
		return iqAnswer{}, fmt.Errorf("pairing request: %w", err)
	}
	if string(req.GetCompanionPublicKey()) != string(c.static[:]) || string(req.GetCompanionIdentityKey()) != string(c.reg.identity[:]) || len(req.GetAdvSecret()) != 32 {
		return iqAnswer{}, ErrWrongKeys
	}
	st.opened = false
	secret := [32]byte(req.GetAdvSecret())
	// The answer goes first, pair-success after it.
	return iqAnswer{after: func() { st.done <- secret }}, nil
}
