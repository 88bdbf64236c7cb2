package wasim

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/libsignal/ecc"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// Errors of [Phone.Scan].
var (
	// ErrBadCode says that the text is not a linking code.
	ErrBadCode = errors.New("not a linking code")
	// ErrUnknownCode says that this server never issued the code.
	ErrUnknownCode = errors.New("the code is unknown")
	// ErrExpiredCode says that the connection that showed the code has ended.
	ErrExpiredCode = errors.New("the code has expired")
	// ErrSpentCode says that the code has been scanned before.
	ErrSpentCode = errors.New("the code was used already")
	// ErrBusy says that another scan of the same client is under way.
	ErrBusy = errors.New("the client is being linked already")
	// ErrRefreshDemanded says that the phone accepts no code with this secret, see
	// [Phone.DemandRefresh].
	ErrRefreshDemanded = errors.New("the phone wants a code with another secret")
	// ErrWrongKeys says that the keys in the code are not those of the connection
	// that was given it.
	ErrWrongKeys = errors.New("the code belongs to another client")
	// ErrRejected says that the client refused the phone's proof.
	ErrRejected = errors.New("the client refused the link")
	// ErrBadSignature says that the client's own signature is wrong.
	ErrBadSignature = errors.New("the client's device signature is wrong")
)

// Prefixes of what is signed while linking (pair.go of whatsmeow).
var (
	accountPrefix = [2]byte{6, 0}
	devicePrefix  = [2]byte{6, 1}
)

// ref is one issued QR reference.
type ref struct {
	conn  *conn // nil when its connection has ended
	spent bool
}

// registration is what a client says about itself before it is linked.
type registration struct {
	identity [32]byte
	keys     keyStock
	platform string
	version  string
}

// pairing is a scan in progress.
type pairing struct {
	id     string // of the iq
	answer chan *waBinary.Node
}

func newPairing() *pairing { return &pairing{id: newID(), answer: make(chan *waBinary.Node, 1)} }

// offerCodes begins the linking of an unlinked client.
func (s *Server) offerCodes(c *conn) {
	p := c.keys.payload
	reg, err := newRegistration(p)
	if err != nil {
		s.log.Warn("registration", "error", err)
		c.sendLast(Failure{Reason: 400}.node())
		return
	}
	s.mu.Lock()
	if f := s.loginFailure(nil, revision(p)); f != nil {
		s.mu.Unlock()
		c.sendLast(f.node())
		return
	}
	c.reg = reg
	older := s.unpaired[c.static]
	s.unpaired[c.static] = c
	nodes := make([]waBinary.Node, s.cfg.Refs)
	for i := range nodes {
		text := newRef()
		s.refs[text] = &ref{conn: c}
		nodes[i] = waBinary.Node{Tag: "ref", Content: []byte(text)}
	}
	s.announce()
	s.mu.Unlock()
	c.displace(older)
	c.send(waBinary.Node{
		Tag: "iq", Attrs: waBinary.Attrs{"from": types.ServerJID, "type": "set", "id": newID(), "xmlns": "md"},
		Content: []waBinary.Node{{Tag: "pair-device", Content: nodes}},
	})
}

func newRegistration(p *waWa6.ClientPayload) (*registration, error) {
	d := p.GetDevicePairingData()
	if len(d.GetEIdent()) != 32 || len(d.GetESkeyVal()) != 32 || len(d.GetESkeySig()) != 64 || len(d.GetESkeyID()) != 3 || len(d.GetERegid()) != 4 {
		return nil, errors.New("keys are missing or have the wrong length")
	}
	r := &registration{identity: [32]byte(d.GetEIdent()), version: version(p)}
	r.keys = keyStock{
		registration: binary.BigEndian.Uint32(d.GetERegid()),
		identity:     r.identity,
		signed:       publicKey{id: key24(d.GetESkeyID()), pub: [32]byte(d.GetESkeyVal()), sig: [64]byte(d.GetESkeySig())},
	}
	if !r.keys.signatureValid() {
		return nil, errors.New("the signature of the signed prekey is wrong")
	}
	var props waCompanionReg.DeviceProps
	if err := proto.Unmarshal(d.GetDeviceProps(), &props); err != nil {
		return nil, fmt.Errorf("device properties: %w", err)
	}
	r.platform = props.GetOs()
	return r, nil
}

// newRef makes a reference of the length seen in the field.
func newRef() string {
	raw := make([]byte, 75)
	_, _ = rand.Read(raw) // never returns an error
	return "2@" + base64.StdEncoding.EncodeToString(raw)
}

// code is a parsed QR text.
type code struct {
	ref                     string
	noise, identity, secret [32]byte
}

func parseCode(text string) (code, error) {
	if i := strings.LastIndexByte(text, '#'); i >= 0 {
		text = text[i+1:]
	}
	parts := strings.Split(strings.TrimSpace(text), ",")
	if len(parts) < 4 {
		return code{}, fmt.Errorf("%w: %d fields", ErrBadCode, len(parts))
	}
	c := code{ref: parts[0]}
	for i, to := range []*[32]byte{&c.noise, &c.identity, &c.secret} {
		raw, err := base64.StdEncoding.DecodeString(parts[i+1])
		if err != nil || len(raw) != 32 {
			return code{}, fmt.Errorf("%w: field %d is not a key", ErrBadCode, i+2)
		}
		*to = [32]byte(raw)
	}
	return c, nil
}

// Scan plays the phone's side of linking: qrText is what the QR code says. It
// returns the JID of the new companion when the companion has confirmed and the
// server has told it to log in (stream error 515). The error is one of this
// package's, or ctx's when the client stays silent.
func (p *Phone) Scan(ctx context.Context, qrText string) (types.JID, error) {
	code, err := parseCode(qrText)
	if err != nil {
		return types.EmptyJID, err
	}
	c, pr, err := p.claim(code)
	if err != nil {
		return types.EmptyJID, err
	}
	return p.link(ctx, c, pr, code.secret)
}

// link carries a claimed pairing to its end: the passkey step when the phone
// wants one, the proof, the client's confirmation, 515. secret is what phone and
// client have in common, from the picture or from the typed code.
func (p *Phone) link(ctx context.Context, c *conn, pr *pairing, secret [32]byte) (types.JID, error) {
	defer p.s.release(c, pr)
	secret, err := p.gate(ctx, c, secret)
	if err != nil {
		return types.EmptyJID, err
	}
	p.s.mu.Lock()
	p.nextDevice++
	id := p.nextDevice
	p.s.mu.Unlock()
	details, container, err := p.vouch(c.reg, secret, id)
	if err != nil {
		return types.EmptyJID, err
	}
	d := &device{phone: p, id: id}
	c.send(p.pairSuccess(pr.id, container, d.pn(), d.lid()))
	answer, err := pr.wait(ctx, c)
	if err != nil {
		return types.EmptyJID, err
	}
	if err := p.confirm(c.reg, details, answer); err != nil {
		return types.EmptyJID, err
	}
	return p.adopt(ctx, c, d)
}

// wait waits for the client's answer to pair-success.
func (pr *pairing) wait(ctx context.Context, c *conn) (*waBinary.Node, error) {
	select {
	case answer := <-pr.answer:
		return answer, nil
	case <-c.ctx.Done():
		// The answer may have come just before the client hung up.
		select {
		case answer := <-pr.answer:
			return answer, nil
		default:
			return nil, fmt.Errorf("%w: it closed the connection", ErrRejected)
		}
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the client to confirm: %w", ctx.Err())
	}
}

// release ends a pairing, so that another may begin on the same connection.
func (s *Server) release(c *conn, pr *pairing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.pairing == pr {
		c.pairing = nil
	}
}

// claim spends a reference and makes c ready for the client's answer.
func (p *Phone) claim(code code) (*conn, *pairing, error) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.refs[code.ref]
	switch {
	case r == nil:
		return nil, nil, ErrUnknownCode
	case r.spent:
		return nil, nil, ErrSpentCode
	case r.conn == nil || r.conn.ctx.Err() != nil:
		return nil, nil, ErrExpiredCode
	}
	c := r.conn
	if c.pairing != nil {
		return nil, nil, ErrBusy
	}
	if c.static != code.noise || c.reg.identity != code.identity {
		return nil, nil, ErrWrongKeys
	}
	if p.refuses(c, code) {
		return nil, nil, ErrRefreshDemanded
	}
	r.spent = true
	c.pairing = newPairing()
	return c, c.pairing, nil
}

// vouch makes the phone's statement about a new companion: the account's
// signature over it, and the HMAC that proves knowledge of the scanned secret.
func (p *Phone) vouch(reg *registration, secret [32]byte, id uint16) (details, container []byte, err error) {
	details, err = proto.Marshal(&waAdv.ADVDeviceIdentity{
		RawID: &p.rawID, Timestamp: proto.Uint64(uint64(time.Now().Unix())), KeyIndex: proto.Uint32(uint32(id)),
		AccountType: waAdv.ADVEncryptionType_E2EE.Enum(), DeviceType: waAdv.ADVEncryptionType_E2EE.Enum(),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("encode device identity: %w", err)
	}
	p.s.mu.Lock()
	spoil := p.spoil
	p.s.mu.Unlock()
	sig := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(*p.sig.IdentityKey.Priv), join(accountPrefix[:], details, reg.identity[:]))
	if spoil == SpoiledSignature {
		sig[0] ^= 1
	}
	signed, err := proto.Marshal(&waAdv.ADVSignedDeviceIdentity{
		Details: details, AccountSignatureKey: p.sig.IdentityKey.Pub[:], AccountSignature: sig[:],
	})
	if err != nil {
		return nil, nil, fmt.Errorf("encode device identity: %w", err)
	}
	mac := hmac.New(sha256.New, secret[:])
	mac.Write(signed)
	sum := mac.Sum(nil)
	if spoil == SpoiledHMAC {
		sum[0] ^= 1
	}
	container, err = proto.Marshal(&waAdv.ADVSignedDeviceIdentityHMAC{Details: signed, HMAC: sum})
	return details, container, err
}

func (p *Phone) pairSuccess(id string, container []byte, pn, lid types.JID) waBinary.Node {
	return waBinary.Node{
		Tag: "iq", Attrs: waBinary.Attrs{"from": types.ServerJID, "type": "set", "id": id, "xmlns": "md", "t": now()},
		Content: []waBinary.Node{{Tag: "pair-success", Content: []waBinary.Node{
			{Tag: "device-identity", Content: container},
			{Tag: "device", Attrs: waBinary.Attrs{"jid": pn, "lid": lid}},
			{Tag: "platform", Attrs: waBinary.Attrs{"name": "android"}},
		}}},
	}
}

// confirm checks the client's answer to pair-success.
func (p *Phone) confirm(reg *registration, details []byte, answer *waBinary.Node) error {
	if kind, _ := answer.Attrs["type"].(string); kind != "result" {
		e := answer.GetChildByTag("error")
		return fmt.Errorf("%w: %v %v", ErrRejected, e.Attrs["code"], e.Attrs["text"])
	}
	child := answer.GetChildByTag("pair-device-sign", "device-identity")
	raw, _ := child.Content.([]byte)
	var signed waAdv.ADVSignedDeviceIdentity
	if err := proto.Unmarshal(raw, &signed); err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	if len(signed.GetDeviceSignature()) != 64 || string(signed.GetDetails()) != string(details) {
		return ErrBadSignature
	}
	text := join(devicePrefix[:], details, reg.identity[:], p.sig.IdentityKey.Pub[:])
	if !ecc.VerifySignature(ecc.NewDjbECPublicKey(reg.identity), text, [64]byte(signed.GetDeviceSignature())) {
		return ErrBadSignature
	}
	return nil
}

// adopt registers the companion, tells the others about it and sends 515.
func (p *Phone) adopt(ctx context.Context, c *conn, d *device) (types.JID, error) {
	s := p.s
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return types.EmptyJID, ErrClosed
	}
	d.noise, d.keys, d.platform, d.version, d.linked = c.static, c.reg.keys, c.reg.platform, c.reg.version, time.Now()
	p.devices[d.id] = d
	p.tellDevices()
	s.announce()
	s.mu.Unlock()
	sent := c.sendLast(waBinary.Node{Tag: "stream:error", Attrs: waBinary.Attrs{"code": "515"}})
	select {
	case <-sent:
	case <-c.ctx.Done():
	case <-ctx.Done():
		return d.pn(), ctx.Err()
	}
	return d.pn(), nil
}

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
