package wastore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/util/optional"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
)

// signalLetters is how many letters two stores exchange: half of them in a
// group.
const signalLetters = 10_000

// signalParty is one end of a talk, on either store.
type signalParty struct {
	jid types.JID
	dev *wmstore.Device
	// restart makes the caches cold and loads the device again.
	restart func(p *signalParty)
}

// ourSignalParty is one on our store.
func ourSignalParty(t *testing.T, user string) *signalParty {
	e := newEnv(t)
	p := &signalParty{jid: ourJID(user, 1)}
	p.dev = e.pair(p.jid)
	p.restart = func(p *signalParty) {
		e.reopen()
		p.dev = e.load(p.jid)
	}
	return p
}

// theirSignalParty is one on the engine's own store.
func theirSignalParty(t *testing.T, user string) *signalParty {
	raw, err := openSQLite(filepath.Join(t.TempDir(), "party.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	c := sqlstore.NewWithDB(raw, "sqlite", nil)
	if err := c.Upgrade(ctx); err != nil {
		t.Fatal(err)
	}
	p := &signalParty{jid: ourJID(user, 1)}
	p.dev = c.NewDevice()
	p.dev.ID, p.dev.Account = &p.jid, account()
	if err := p.dev.Save(ctx); err != nil {
		t.Fatal(err)
	}
	p.restart = func(p *signalParty) {
		p.dev = must(sqlstore.NewWithDB(raw, "sqlite", nil).GetDevice(ctx, p.jid))
	}
	return p
}

// talk is a conversation of two parties, alone or in a group.
type talk struct {
	fataler
	rng     *rand.Rand
	parties [2]*signalParty
	group   bool
	sent    int
	opened  int
	lost    int
	repeats int
	under   [2][]*letter // on their way to each
}

// know lets one party begin: with the other's pre-keys, or by giving out its
// own sender key.
func (c *talk) know(from int) {
	d, other, s := c.parties[from].dev, c.parties[1-from].dev, wmstore.SignalProtobufSerializer
	if c.group {
		key := groupKey(c.parties[from].jid)
		handout := must(groups.NewGroupSessionBuilder(d, s).Create(ctx, key))
		copied := must(protocol.NewSenderKeyDistributionMessageFromBytes(handout.Serialize(), s.SenderKeyDistributionMessage))
		c.ok(groups.NewGroupSessionBuilder(other, s).Process(ctx, key, copied))
		return
	}
	pre := must(other.PreKeys.GetOrGenPreKeys(ctx, 1))[0]
	c.ok(other.PreKeys.MarkPreKeysAsUploaded(ctx, pre.KeyID))
	bundle := prekey.NewBundle(other.RegistrationID, 1, optional.NewOptionalUint32(pre.KeyID), other.SignedPreKey.KeyID,
		ecc.NewDjbECPublicKey(*pre.Pub), ecc.NewDjbECPublicKey(*other.SignedPreKey.Pub), *other.SignedPreKey.Signature,
		identity.NewKey(ecc.NewDjbECPublicKey(*other.IdentityKey.Pub)))
	c.ok(session.NewBuilderFromSignal(d, c.parties[1-from].jid.SignalAddress(), s).ProcessBundle(ctx, bundle))
}

func (c *talk) ok(err error) {
	c.Helper()
	if err != nil {
		c.Fatalf("after %d letters: %v", c.sent, err)
	}
}

func groupKey(sender types.JID) *protocol.SenderKeyName {
	return protocol.NewSenderKeyName(group.String(), sender.SignalAddress())
}

func groupCipher(d *wmstore.Device, sender types.JID) *groups.GroupCipher {
	return groups.NewGroupCipher(groups.NewGroupSessionBuilder(d, wmstore.SignalProtobufSerializer), groupKey(sender), d)
}

func (c *talk) write(from int) {
	c.sent++
	l := &letter{plain: fmt.Sprint("letter ", c.sent)}
	l.hash[0], l.hash[1], l.hash[2] = byte(c.sent), byte(c.sent>>8), byte(c.sent>>16)
	d := c.parties[from].dev
	if c.group {
		l.raw = must(groupCipher(d, c.parties[from].jid).Encrypt(ctx, []byte(l.plain))).SignedSerialize()
	} else {
		msg := must(cipher(d, c.parties[1-from].jid).Encrypt(ctx, []byte(l.plain)))
		l.pre, l.raw = msg.Type() == protocol.PREKEY_TYPE, msg.Serialize()
	}
	c.under[1-from] = append(c.under[1-from], l)
}

func (c *talk) decrypt(ctx context.Context, to int, l *letter) ([]byte, error) {
	d, from, s := c.parties[to].dev, c.parties[1-to].jid, wmstore.SignalProtobufSerializer
	switch {
	case c.group:
		return groupCipher(d, from).Decrypt(ctx, must(protocol.NewSenderKeyMessageFromBytes(l.raw, s.SenderKeyMessage)))
	case l.pre:
		return cipher(d, from).DecryptMessage(ctx, must(protocol.NewPreKeySignalMessageFromBytes(l.raw, s.PreKeySignalMessage, s.SignalMessage)))
	}
	return cipher(d, from).Decrypt(ctx, must(protocol.NewSignalMessageFromBytes(l.raw, s.SignalMessage)))
}

// open decrypts as the engine does; spoil makes the transaction fail after it.
func (c *talk) open(to int, l *letter, spoil error) (plain []byte, err error) {
	d := c.parties[to].dev
	err = d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		if plain, err = c.decrypt(ctx, to, l); err != nil {
			return err
		}
		return errors.Join(d.EventBuffer.PutBufferedEvent(ctx, l.hash, plain, time.Unix(1, 0)), spoil)
	})
	return plain, err
}

// deliver takes one of the oldest letters to a party, which may be lost, come
// again later, or meet a failing transaction first.
func (c *talk) deliver(to int) {
	at := c.rng.IntN(min(len(c.under[to]), 6))
	l := c.under[to][at]
	remove := func() { c.under[to] = append(c.under[to][:at], c.under[to][at+1:]...) }
	// Before the first answer all letters carry the pre-key; the first must not
	// be the lost one in a group whose key is fresh, but any may be here.
	if !l.opened && c.rng.IntN(12) == 0 {
		c.lost++
		remove()
		return
	}
	if !l.opened && c.rng.IntN(8) == 0 {
		crash := errors.New("crash")
		if _, err := c.open(to, l, crash); !errors.Is(err, crash) {
			c.Fatalf("%s: %v", l.plain, err)
		}
	}
	plain, err := c.open(to, l, nil)
	if l.opened {
		if c.repeats++; err == nil {
			c.Fatalf("%s opened twice", l.plain)
		}
		remove()
		return
	}
	c.ok(err)
	if string(plain) != l.plain {
		c.Fatalf("%q opened as %q", l.plain, plain)
	}
	buffered := must(c.parties[to].dev.EventBuffer.GetBufferedEvent(ctx, l.hash))
	equalBytes(c, "buffered", buffered.Plaintext, plain)
	if c.rng.IntN(4) == 0 {
		c.ok(c.parties[to].dev.EventBuffer.ClearBufferedEventPlaintext(ctx, l.hash))
	}
	c.opened++
	if l.opened = true; c.rng.IntN(5) > 0 { // else it comes again
		remove()
	}
}

func (c *talk) run(letters int) {
	c.know(0)
	if c.group {
		c.know(1)
	}
	for c.sent < letters {
		to := c.rng.IntN(2)
		if can, err := c.mayWrite(1 - to); err != nil {
			c.ok(err)
		} else if can {
			c.write(1 - to)
		}
		if c.rng.IntN(300) == 0 {
			p := c.parties[c.rng.IntN(2)]
			p.restart(p)
		}
		if len(c.under[to]) > 0 && c.rng.IntN(20) > 0 {
			c.deliver(to)
		}
	}
	for to := range c.under {
		for len(c.under[to]) > 0 {
			c.deliver(to)
		}
	}
}

// mayWrite says whether a party knows the other: the one that was not
// introduced waits for the first letter.
func (c *talk) mayWrite(from int) (bool, error) {
	if c.group {
		return true, nil
	}
	return c.parties[from].dev.Sessions.HasSession(ctx, c.parties[1-from].jid.SignalAddress().String())
}

// Real Signal parties with losses, repeats, disorder, failing transactions and
// restarts: every letter that arrives opens exactly once, whichever store its
// ends are on.
func TestSignalAcrossStores(t *testing.T) {
	t.Parallel()
	letters := signalLetters / 2
	if testing.Short() || raceEnabled {
		letters /= 20
	}
	type maker func(*testing.T, string) *signalParty
	for name, ends := range map[string][2]maker{
		"ours and theirs": {ourSignalParty, theirSignalParty},
		"ours":            {ourSignalParty, ourSignalParty},
	} {
		for _, group := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", group ", group), func(t *testing.T) {
				t.Parallel()
				c := &talk{fataler: t, rng: rand.New(rand.NewPCG(7, 8)), group: group,
					parties: [2]*signalParty{ends[0](t, "1"), ends[1](t, "2")}}
				c.run(letters)
				t.Logf("%d sent, %d opened, %d lost, %d repeats refused", c.sent, c.opened, c.lost, c.repeats)
				if c.opened+c.lost != c.sent || c.repeats == 0 {
					t.Errorf("letters are missing")
				}
			})
		}
	}
}
