package wasim

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"

	"go.mau.fi/libsignal/logger"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/session"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

// quietOnce is the one piece of process-wide state of this package: libsignal
// keeps its logger in a package variable and prints to standard output when none
// is set. It is set once, by the first Start, and only if nobody has set one.
// A program that wants its own logger there sets it before the first Start.
var quietOnce sync.Once

func quietSignal() {
	quietOnce.Do(func() {
		if logger.Logger == nil {
			var quiet logger.Loggable = silence{}
			logger.Setup(&quiet)
		}
	})
}

type silence struct{}

func (silence) Debug(string, string)   {}
func (silence) Info(string, string)    {}
func (silence) Warning(string, string) {}
func (silence) Error(string, string)   {}
func (silence) Configure(string)       {}

// vault is a phone's Signal store in memory. Phone.sigMu guards it.
type vault struct {
	identities map[string][32]byte
	sessions   map[string][]byte
	preKeys    map[uint32]*keys.PreKey
	lastKey    uint32
	senderKeys map[string][]byte // by group and Signal address
}

var (
	_ store.IdentityStore  = (*vault)(nil)
	_ store.SessionStore   = (*vault)(nil)
	_ store.PreKeyStore    = (*vault)(nil)
	_ store.SenderKeyStore = (*vault)(nil)
)

func newVault() *vault {
	return &vault{identities: map[string][32]byte{}, sessions: map[string][]byte{}, preKeys: map[uint32]*keys.PreKey{}, senderKeys: map[string][]byte{}}
}

func (v *vault) PutIdentity(_ context.Context, address string, key [32]byte) error {
	v.identities[address] = key
	return nil
}

func (v *vault) DeleteAllIdentities(_ context.Context, phone string) error {
	for a := range v.identities {
		if strings.HasPrefix(a, phone+":") {
			delete(v.identities, a)
		}
	}
	return nil
}

func (v *vault) DeleteIdentity(_ context.Context, address string) error {
	delete(v.identities, address)
	return nil
}

// IsTrustedIdentity trusts everybody: a phone shows a changed security code as a
// notice and goes on.
func (v *vault) IsTrustedIdentity(context.Context, string, [32]byte) (bool, error) { return true, nil }

func (v *vault) GetSession(_ context.Context, address string) ([]byte, error) {
	return v.sessions[address], nil
}

func (v *vault) HasSession(_ context.Context, address string) (bool, error) {
	return v.sessions[address] != nil, nil
}

func (v *vault) GetManySessions(_ context.Context, addresses []string) (map[string][]byte, error) {
	out := make(map[string][]byte, len(addresses))
	for _, a := range addresses {
		out[a] = v.sessions[a]
	}
	return out, nil
}

func (v *vault) PutSession(_ context.Context, address string, session []byte) error {
	v.sessions[address] = session
	return nil
}

func (v *vault) PutManySessions(_ context.Context, sessions map[string][]byte) error {
	for a, raw := range sessions {
		v.sessions[a] = raw
	}
	return nil
}

func (v *vault) DeleteAllSessions(_ context.Context, phone string) error {
	for a := range v.sessions {
		if strings.HasPrefix(a, phone+":") {
			delete(v.sessions, a)
		}
	}
	return nil
}

func (v *vault) DeleteSession(_ context.Context, address string) error {
	delete(v.sessions, address)
	return nil
}

// MigratePNToLID has nothing to do: phones file every session under the LID.
func (v *vault) MigratePNToLID(context.Context, types.JID, types.JID) error { return nil }

func (v *vault) GetOrGenPreKeys(ctx context.Context, count uint32) ([]*keys.PreKey, error) {
	out := make([]*keys.PreKey, 0, count)
	for range count {
		k, err := v.GenOnePreKey(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func (v *vault) GenOnePreKey(context.Context) (*keys.PreKey, error) {
	v.lastKey++
	k := keys.NewPreKey(v.lastKey)
	v.preKeys[k.KeyID] = k
	return k, nil
}

// GetPreKey returns nil without an error for an unknown id, which is what the
// engine's Signal adapter expects.
func (v *vault) GetPreKey(_ context.Context, id uint32) (*keys.PreKey, error) {
	return v.preKeys[id], nil
}

func (v *vault) RemovePreKey(_ context.Context, id uint32) error {
	delete(v.preKeys, id)
	return nil
}

func (v *vault) MarkPreKeysAsUploaded(context.Context, uint32) error { return nil }

func (v *vault) UploadedPreKeyCount(context.Context) (int, error) { return len(v.preKeys), nil }

func (v *vault) PutSenderKey(_ context.Context, group, user string, key []byte) error {
	v.senderKeys[group+" "+user] = key
	return nil
}

func (v *vault) GetSenderKey(_ context.Context, group, user string) ([]byte, error) {
	return v.senderKeys[group+" "+user], nil
}

// ownBundle gives out the phone's own keys, with a fresh one-time key each time.
func (p *Phone) ownBundle() bundle {
	p.sigMu.Lock()
	defer p.sigMu.Unlock()
	p.vault.lastKey++
	one := keys.NewPreKey(p.vault.lastKey)
	p.vault.preKeys[one.KeyID] = one
	signed := p.sig.SignedPreKey
	return bundle{
		registration: p.sig.RegistrationID, identity: *p.sig.IdentityKey.Pub,
		signed:  publicKey{id: signed.KeyID, pub: *signed.Pub, sig: *signed.Signature},
		oneTime: &publicKey{id: one.KeyID, pub: *one.Pub},
	}
}

// encrypt encrypts msg for a device (a LID with a device number). The session is
// begun when there is none, or anew when fresh keys are given.
func (p *Phone) encrypt(ctx context.Context, to types.JID, fresh *bundle, msg *waE2E.Message) (waBinary.Node, error) {
	plain, err := proto.Marshal(msg)
	if err != nil {
		return waBinary.Node{}, fmt.Errorf("encode message: %w", err)
	}
	addr := to.SignalAddress()
	if fresh == nil {
		p.sigMu.Lock()
		known := p.vault.sessions[addr.String()] != nil
		p.sigMu.Unlock()
		if !known {
			// Not under sigMu: this may take another phone's lock.
			b, ok := p.s.takeBundle(to)
			if !ok {
				return waBinary.Node{}, fmt.Errorf("keys of %s: %w", to, ErrUnknownDevice)
			}
			fresh = &b
		}
	}
	p.sigMu.Lock()
	defer p.sigMu.Unlock()
	builder := session.NewBuilderFromSignal(p.sig, addr, store.SignalProtobufSerializer)
	if fresh != nil {
		if err := builder.ProcessBundle(ctx, fresh.signal(to.Device)); err != nil {
			return waBinary.Node{}, fmt.Errorf("begin session with %s: %w", to, err)
		}
	}
	box, err := session.NewCipher(builder, addr).Encrypt(ctx, pad(plain))
	if err != nil {
		return waBinary.Node{}, fmt.Errorf("encrypt for %s: %w", to, err)
	}
	kind := "msg"
	if box.Type() == protocol.PREKEY_TYPE {
		kind = "pkmsg"
	}
	return waBinary.Node{Tag: "enc", Attrs: waBinary.Attrs{"v": "2", "type": kind}, Content: box.Serialize()}, nil
}

// decrypt opens an enc element that came from a device (a LID with a device number).
func (p *Phone) decrypt(ctx context.Context, from types.JID, enc waBinary.Node) (*waE2E.Message, error) {
	raw, _ := enc.Content.([]byte)
	pb := store.SignalProtobufSerializer
	p.sigMu.Lock()
	defer p.sigMu.Unlock()
	addr := from.SignalAddress()
	cipher := session.NewCipher(session.NewBuilderFromSignal(p.sig, addr, pb), addr)
	var plain []byte
	switch kind := stringAttr(&enc, "type"); kind {
	case "pkmsg":
		box, err := protocol.NewPreKeySignalMessageFromBytes(raw, pb.PreKeySignalMessage, pb.SignalMessage)
		if err != nil {
			return nil, fmt.Errorf("parse pkmsg: %w", err)
		}
		if plain, err = cipher.DecryptMessage(ctx, box); err != nil {
			return nil, fmt.Errorf("decrypt pkmsg: %w", err)
		}
	case "msg":
		box, err := protocol.NewSignalMessageFromBytes(raw, pb.SignalMessage)
		if err != nil {
			return nil, fmt.Errorf("parse msg: %w", err)
		}
		if plain, err = cipher.Decrypt(ctx, box); err != nil {
			return nil, fmt.Errorf("decrypt msg: %w", err)
		}
	default:
		return nil, fmt.Errorf("unknown kind of encryption %q", kind)
	}
	if plain = unpad(plain); plain == nil {
		return nil, fmt.Errorf("wrong padding")
	}
	var msg waE2E.Message
	if err := proto.Unmarshal(plain, &msg); err != nil {
		return nil, fmt.Errorf("decode message: %w", err)
	}
	return &msg, nil
}

// pad appends n bytes of value n, 1 to 15.
func pad(plain []byte) []byte {
	var b [1]byte
	_, _ = rand.Read(b[:]) // never returns an error
	n := b[0]%15 + 1
	return append(plain, bytes.Repeat([]byte{n}, int(n))...)
}

// unpad returns nil when the padding is wrong.
func unpad(plain []byte) []byte {
	if len(plain) == 0 {
		return nil
	}
	n := int(plain[len(plain)-1])
	if n == 0 || n > len(plain) {
		return nil
	}
	return plain[:len(plain)-n]
}
