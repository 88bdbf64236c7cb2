package wasim

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
)

// Errors of [Phone.EnterCode].
var (
	// ErrNoCodeRequest says that no connected client shows a code for this number.
	ErrNoCodeRequest = errors.New("no client shows a code for this number")
	// ErrWrongCode says that the code is not the one that the client shows. The
	// client hears nothing of it.
	ErrWrongCode = errors.New("the code is wrong")
)

// codeRounds is the number of PBKDF2 rounds between a typed code and its key.
const codeRounds = 2 << 16

// codeAlphabet is that of typed linking codes and of passkey codes.
const codeAlphabet = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"

// codeText writes five bytes as the eight characters of a code, 4-4.
func codeText(raw []byte) string {
	text := base32.NewEncoding(codeAlphabet).EncodeToString(raw)
	return text[:4] + "-" + text[4:]
}

// platformDisplay is what the server accepts as a client's name: "Chrome (Linux)".
var platformDisplay = regexp.MustCompile(`^(Chrome|Edge|Firefox|IE|Opera|Safari|Brave|Chromium) \([A-Za-z0-9 ._-]+\)$`)

// codeRequest is a linking code that a client shows. The server does not know
// the code; only the phone learns it, by typing.
type codeRequest struct {
	phone   *Phone
	ref     string
	wrapped []byte              // the client's ephemeral key, locked with the code
	server  []byte              // the client's Noise key, as it states it
	finish  chan *waBinary.Node // the client's half, capacity 1
}

// iqCode answers the two stanzas by which a client links with a typed code.
func (s *Server) iqCode(c *conn, n waBinary.Node) iqAnswer {
	switch stringAttr(&n, "stage") {
	case "companion_hello":
		return s.codeHello(c, n)
	case "companion_finish":
		s.mu.Lock()
		defer s.mu.Unlock()
		ref := n.GetChildByTag("link_code_pairing_ref")
		if c.typed == nil || string(bytesOf(ref)) != c.typed.ref {
			return iqAnswer{fail: 404}
		}
		select {
		case c.typed.finish <- &n:
		default: // nobody has typed anything since the last one
		}
		return iqAnswer{}
	}
	return iqAnswer{fail: 400}
}

func (s *Server) codeHello(c *conn, n waBinary.Node) iqAnswer {
	jid, _ := n.Attrs["jid"].(types.JID)
	display := n.GetChildByTag("companion_platform_display")
	r := &codeRequest{
		ref: newRef(), finish: make(chan *waBinary.Node, 1),
		wrapped: bytesOf(n.GetChildByTag("link_code_pairing_wrapped_companion_ephemeral_pub")),
		server:  bytesOf(n.GetChildByTag("companion_server_auth_key_pub")),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.faults.FailCode != 0:
		return iqAnswer{fail: s.faults.FailCode}
	case c.reg == nil:
		return iqAnswer{fail: 403}
	case len(r.wrapped) != 80 || string(r.server) != string(c.static[:]) || !platformDisplay.Match(bytesOf(display)):
		return iqAnswer{fail: 400}
	}
	// An unknown number gets an answer too: the server gives nothing away.
	r.phone = s.account(jid)
	c.typed = r
	s.announce()
	return iqAnswer{content: []waBinary.Node{{
		Tag: "link_code_companion_reg", Attrs: waBinary.Attrs{"stage": "companion_hello"},
		Content: []waBinary.Node{{Tag: "link_code_pairing_ref", Content: []byte(r.ref)}},
	}}}
}

// bytesOf returns the content of an element; short text may arrive as a string.
func bytesOf(n waBinary.Node) []byte {
	switch v := n.Content.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	return nil
}

// WaitCodeRequest waits until a connected client shows a code for this number.
func (p *Phone) WaitCodeRequest(ctx context.Context) error {
	return p.s.until(ctx, func() (bool, error) { return p.codeConn() != nil, nil })
}

// codeConn returns a connection that shows a code for this number, nil when
// there is none. s.mu must be held.
func (p *Phone) codeConn() *conn {
	for c := range p.s.conns {
		if c.typed != nil && c.typed.phone == p && c.ctx.Err() == nil {
			return c
		}
	}
	return nil
}

// EnterCode plays the phone's side of linking by a typed code: code is what the
// client shows, with or without the dash. It returns like [Phone.Scan]. A wrong
// code is [ErrWrongCode], after which the right one may still be typed; without a
// client that shows one for this number it is [ErrNoCodeRequest]. Of several such
// clients any one is meant.
func (p *Phone) EnterCode(ctx context.Context, code string) (types.JID, error) {
	code = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(code), "-", ""))
	p.s.mu.Lock()
	c := p.codeConn()
	switch {
	case c == nil:
		p.s.mu.Unlock()
		return types.EmptyJID, ErrNoCodeRequest
	case c.pairing != nil:
		p.s.mu.Unlock()
		return types.EmptyJID, ErrBusy
	}
	r, pr := c.typed, newPairing()
	c.pairing = pr
	select {
	case <-r.finish: // the answer to an earlier, wrong code
	default:
	}
	p.s.mu.Unlock()
	secret, err := p.agree(ctx, c, r, code)
	if err != nil {
		p.s.release(c, pr)
		return types.EmptyJID, err
	}
	p.s.mu.Lock()
	c.typed = nil
	p.s.mu.Unlock()
	return p.link(ctx, c, pr, secret)
}

// agree exchanges keys with the client, locked with the code on both ways.
func (p *Phone) agree(ctx context.Context, c *conn, r *codeRequest, code string) (secret [32]byte, err error) {
	theirs, err := codeLock(code, r.wrapped[:32], r.wrapped[32:48], r.wrapped[48:])
	if err != nil {
		return secret, err
	}
	ours := keys.NewKeyPair()
	var salt [48]byte // 32 of salt, 16 of counter
	_, _ = rand.Read(salt[:])
	locked, err := codeLock(code, salt[:32], salt[32:], ours.Pub[:])
	if err != nil {
		return secret, err
	}
	c.send(notification("link_code_companion_reg", types.ServerJID, waBinary.Node{
		Tag: "link_code_companion_reg", Attrs: waBinary.Attrs{"stage": "primary_hello"}, Content: []waBinary.Node{
			{Tag: "link_code_pairing_ref", Content: []byte(r.ref)},
			{Tag: "link_code_pairing_wrapped_primary_ephemeral_pub", Content: join(salt[:], locked)},
			{Tag: "primary_identity_pub", Content: p.sig.IdentityKey.Pub[:]},
		},
	}).node)
	select {
	case answer := <-r.finish:
		return p.codeSecret(c, ours, theirs, answer)
	case <-c.ctx.Done():
		return secret, fmt.Errorf("%w: it closed the connection", ErrRejected)
	case <-ctx.Done():
		return secret, fmt.Errorf("wait for the client's keys: %w", ctx.Err())
	}
}

// codeLock encrypts or decrypts a key with a typed code.
func codeLock(code string, salt, iv, data []byte) ([]byte, error) {
	key, err := pbkdf2.Key(sha256.New, code, salt, codeRounds, 32)
	if err != nil {
		return nil, fmt.Errorf("key of the code: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of the code: %w", err)
	}
	out := make([]byte, len(data))
	cipher.NewCTR(block, iv).XORKeyStream(out, data)
	return out, nil
}

// codeSecret opens the client's key bundle, which shows whether the code was the
// right one, and derives the secret that a QR code would have shown.
func (p *Phone) codeSecret(c *conn, ours *keys.KeyPair, theirs []byte, answer *waBinary.Node) (secret [32]byte, err error) {
	box := bytesOf(answer.GetChildByTag("link_code_pairing_wrapped_key_bundle"))
	identity := bytesOf(answer.GetChildByTag("companion_identity_public"))
	if len(box) < 44 || string(identity) != string(c.reg.identity[:]) {
		return secret, fmt.Errorf("%w: malformed key bundle", ErrWrongKeys)
	}
	shared, err := dh(ours.Priv[:], theirs)
	if err != nil {
		return secret, fmt.Errorf("%w: %w", ErrWrongCode, err)
	}
	plain, err := openHKDF(shared, box[:32], "link_code_pairing_key_bundle_encryption_key", box[32:44], box[44:])
	if err != nil {
		return secret, ErrWrongCode
	}
	if len(plain) != 96 || string(plain[:64]) != string(join(identity, p.sig.IdentityKey.Pub[:])) {
		return secret, fmt.Errorf("%w: the key bundle names others", ErrWrongKeys)
	}
	static, err := dh(p.sig.IdentityKey.Priv[:], identity)
	if err != nil {
		return secret, fmt.Errorf("%w: %w", ErrWrongKeys, err)
	}
	raw, err := hkdf.Key(sha256.New, join(shared, static, plain[64:]), nil, "adv_secret", 32)
	if err != nil {
		return secret, fmt.Errorf("derive the secret: %w", err)
	}
	return [32]byte(raw), nil
}

// openHKDF opens an AES-GCM box whose key is derived from a shared secret.
func openHKDF(shared, salt []byte, info string, nonce, box []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, shared, salt, info, 32)
	if err != nil {
		return nil, err
	}
	s, err := newSealer(key)
	if err != nil {
		return nil, err
	}
	if len(nonce) != s.aead.NonceSize() {
		return nil, errors.New("nonce of the wrong length")
	}
	return s.aead.Open(nil, nonce, box, nil)
}
