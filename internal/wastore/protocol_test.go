package wastore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/util/optional"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// letter is a ciphertext on its way.
type letter struct {
	plain  string
	opened bool
	pre    bool
	raw    []byte
	hash   [32]byte
}

// conversation is one of two devices on one container.
type conversation struct {
	*env
	ids  [2]types.JID
	dev  [2]*wmstore.Device
	sent int
}

func cipher(d *wmstore.Device, with types.JID) *session.Cipher {
	s := wmstore.SignalProtobufSerializer
	return session.NewCipher(session.NewBuilderFromSignal(d, with.SignalAddress(), s), with.SignalAddress())
}

func (c *conversation) introduce(from int) {
	d, s := c.dev[1-from], wmstore.SignalProtobufSerializer
	pre := must(d.PreKeys.GetOrGenPreKeys(ctx, 1))[0]
	c.ok(d.PreKeys.MarkPreKeysAsUploaded(ctx, pre.KeyID))
	bundle := prekey.NewBundle(d.RegistrationID, 1, optional.NewOptionalUint32(pre.KeyID), d.SignedPreKey.KeyID,
		ecc.NewDjbECPublicKey(*pre.Pub), ecc.NewDjbECPublicKey(*d.SignedPreKey.Pub), *d.SignedPreKey.Signature,
		identity.NewKey(ecc.NewDjbECPublicKey(*d.IdentityKey.Pub)))
	c.ok(session.NewBuilderFromSignal(c.dev[from], c.ids[1-from].SignalAddress(), s).ProcessBundle(ctx, bundle))
}

func (c *conversation) write(from int) *letter {
	c.sent++
	l := &letter{plain: fmt.Sprint("message ", c.sent)}
	l.hash[0], l.hash[1] = byte(c.sent), byte(c.sent>>8)
	msg := must(cipher(c.dev[from], c.ids[1-from]).Encrypt(ctx, []byte(l.plain)))
	l.pre, l.raw = msg.Type() == protocol.PREKEY_TYPE, msg.Serialize()
	return l
}

// open decrypts a letter as the engine does; spoil makes the transaction fail
// after the decryption.
func (c *conversation) open(to int, l *letter, spoil error) (plain []byte, err error) {
	d, s := c.dev[to], wmstore.SignalProtobufSerializer
	err = d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		if l.pre {
			plain, err = cipher(d, c.ids[1-to]).DecryptMessage(ctx, must(protocol.NewPreKeySignalMessageFromBytes(l.raw, s.PreKeySignalMessage, s.SignalMessage)))
		} else {
			plain, err = cipher(d, c.ids[1-to]).Decrypt(ctx, must(protocol.NewSignalMessageFromBytes(l.raw, s.SignalMessage)))
		}
		if err == nil {
			err = d.EventBuffer.PutBufferedEvent(ctx, l.hash, plain, time.Unix(1, 0))
		}
		return errors.Join(err, spoil)
	})
	return plain, err
}

// Two real Signal parties with delays, losses, repeats, failed transactions and
// restarts: every letter that arrives opens exactly once.
func TestSignalConversation(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	c := &conversation{env: e, ids: [2]types.JID{ourJID("1", 1), ourJID("2", 1)}}
	for i, id := range c.ids {
		c.dev[i] = e.pair(id)
	}
	c.introduce(0)
	rng := rand.New(rand.NewPCG(1, 2))
	crash := errors.New("crash")
	var under [2][]*letter
	for step := range 400 {
		to := rng.IntN(2)
		if step == 0 {
			to = 1
		}
		if can := must(c.dev[1-to].Sessions.HasSession(ctx, c.ids[to].SignalAddress().String())); can {
			under[to] = append(under[to], c.write(1-to))
		}
		if rng.IntN(40) == 0 {
			e.reopen()
			c.dev = [2]*wmstore.Device{e.load(c.ids[0]), e.load(c.ids[1])}
		}
		if len(under[to]) == 0 || rng.IntN(3) == 0 {
			continue
		}
		at := rng.IntN(min(len(under[to]), 5))
		l := under[to][at]
		if rng.IntN(4) == 0 {
			if _, err := c.open(to, l, crash); !l.opened {
				e.is(err, crash)
			}
		}
		plain, err := c.open(to, l, nil)
		if l.opened {
			if err == nil {
				t.Fatalf("%s opened twice", l.plain)
			}
			continue
		}
		e.ok(err)
		equal(t, "plaintext", string(plain), l.plain)
		equalBytes(t, "buffered", must(c.dev[to].EventBuffer.GetBufferedEvent(ctx, l.hash)).Plaintext, plain)
		l.opened = true
		if rng.IntN(5) > 0 { // else it comes again
			under[to] = append(under[to][:at], under[to][at+1:]...)
		}
	}
	if c.sent < 300 {
		t.Fatalf("only %d letters", c.sent)
	}
}
