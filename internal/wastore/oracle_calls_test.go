package wastore_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/util/keys"

	"pombal/internal/wastore"
)

// party is one device on one side: all stores of the engine, and the pre-keys
// it was given, since those are random and differ between the sides.
type party struct {
	wmstore.AllStores
	keys map[uint32][32]byte
}

// call is one method: how to make it up and how to do it. run shows the answer
// as text.
type call struct {
	// hot is how often it comes in a real client, per hundred or so.
	hot int
	gen func(g *generator, s *step)
	run func(ctx context.Context, p *party, s *step) (string, error)
}

var calls = merged(signalCalls(), stateCalls(), contactCalls(), eventCalls(), lidCalls())

func merged(tables ...map[string]call) map[string]call {
	all := map[string]call{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

// plain is a call without an answer.
func plain(hot int, gen func(*generator, *step), run func(context.Context, *party, *step) error) call {
	return call{hot, gen, func(ctx context.Context, p *party, s *step) (string, error) { return "", run(ctx, p, s) }}
}

// spoiled shows bytes that a store returned and then destroys them: they are
// the caller's own, neither the file's memory nor kept by the store.
func spoiled(b []byte) string {
	text := wastore.Show(b)
	for i := range b {
		b[i] ^= 0x55
	}
	return text
}

func asksAddress(g *generator, s *step) { s.A = g.address() }

func asksUser(g *generator, s *step) { s.A = g.signalUser() }

func asksNothing(*generator, *step) {}

func signalCalls() map[string]call {
	return merged(identityCalls(), sessionCalls(), preKeyCalls(), map[string]call{
		// A group, B sender, V record
		"PutSenderKey": plain(6, func(g *generator, s *step) {
			s.A, s.B, s.V = g.group(), g.address(), g.value()
		}, func(ctx context.Context, p *party, s *step) error {
			return p.PutSenderKey(ctx, s.A, s.B, s.V.bytes())
		}),
		"GetSenderKey": {6, func(g *generator, s *step) {
			s.A, s.B = g.group(), g.address()
		}, func(ctx context.Context, p *party, s *step) (string, error) {
			key, err := p.GetSenderKey(ctx, s.A, s.B)
			return spoiled(key), err
		}},
	})
}

func identityCalls() map[string]call {
	return map[string]call{
		// A address, N key
		"PutIdentity": plain(12, func(g *generator, s *step) {
			s.A, s.N = g.address(), g.n(2)
		}, func(ctx context.Context, p *party, s *step) error {
			return p.PutIdentity(ctx, s.A, key32(byte(s.N)))
		}),
		"IsTrustedIdentity": {12, func(g *generator, s *step) {
			s.A, s.N = g.address(), g.n(2)
		}, func(ctx context.Context, p *party, s *step) (string, error) {
			trusted, err := p.IsTrustedIdentity(ctx, s.A, key32(byte(s.N)))
			return fmt.Sprint(trusted), err
		}},
		"DeleteIdentity": plain(1, asksAddress, func(ctx context.Context, p *party, s *step) error {
			return p.DeleteIdentity(ctx, s.A)
		}),
		"DeleteAllIdentities": plain(1, asksUser, func(ctx context.Context, p *party, s *step) error {
			return p.DeleteAllIdentities(ctx, s.A)
		}),
	}
}

func showSessions(all map[string][]byte, err error) (string, error) {
	if all == nil {
		return "none", err
	}
	var b strings.Builder
	for _, address := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s=%s ", address, spoiled(all[address]))
	}
	return b.String(), err
}

func sessionCalls() map[string]call {
	return map[string]call{
		"GetSession": {12, asksAddress, func(ctx context.Context, p *party, s *step) (string, error) {
			session, err := p.GetSession(ctx, s.A)
			return spoiled(session), err
		}},
		"HasSession": {8, asksAddress, func(ctx context.Context, p *party, s *step) (string, error) {
			has, err := p.HasSession(ctx, s.A)
			return fmt.Sprint(has), err
		}},
		// List of A address
		"GetManySessions": {4, func(g *generator, s *step) {
			s.List = g.batch(func(e *entry, i int) { e.A = g.addressIn(i) })
		}, func(ctx context.Context, p *party, s *step) (string, error) {
			var addresses []string
			for _, e := range s.List {
				addresses = append(addresses, e.A)
			}
			return showSessions(p.GetManySessions(ctx, addresses))
		}},
		// A address, V record
		"PutSession": plain(12, func(g *generator, s *step) {
			s.A, s.V = g.address(), g.value()
		}, func(ctx context.Context, p *party, s *step) error {
			return p.PutSession(ctx, s.A, s.V.bytes())
		}),
		// List of A address, V record
		"PutManySessions": plain(4, func(g *generator, s *step) {
			s.List = g.batch(func(e *entry, i int) { e.A, e.V = g.addressIn(i), g.value() })
		}, func(ctx context.Context, p *party, s *step) error {
			all := map[string][]byte{}
			for _, e := range s.List {
				all[e.A] = e.V.bytes()
			}
			return p.PutManySessions(ctx, all)
		}),
		"DeleteAllSessions": plain(1, asksUser, func(ctx context.Context, p *party, s *step) error {
			return p.DeleteAllSessions(ctx, s.A)
		}),
		"DeleteSession": plain(1, asksAddress, func(ctx context.Context, p *party, s *step) error {
			return p.DeleteSession(ctx, s.A)
		}),
		// A phone number, B LID
		"MigratePNToLID": plain(3, func(g *generator, s *step) {
			s.A, s.B = pnJID(g.user()).String(), lidJID(g.user()).String()
			if g.chance(20) {
				s.B = pnJID(g.user()).String() // another number: only its text matters
			}
		}, func(ctx context.Context, p *party, s *step) error {
			return p.MigratePNToLID(ctx, jidOf(s.A), jidOf(s.B))
		}),
	}
}

// show checks that a key is the one that was given out under its id, and
// whole; its bytes are random.
func (p *party) show(key *keys.PreKey, fresh bool) string {
	if key == nil {
		return "none"
	}
	old, known := p.keys[key.KeyID]
	switch {
	case key.Priv == nil || key.Pub == nil || *keys.NewKeyPairFromPrivateKey(*key.Priv).Pub != *key.Pub:
		return fmt.Sprint(key.KeyID, " is not a pair")
	case known && !fresh && old != *key.Priv:
		return fmt.Sprint(key.KeyID, " is another key than before")
	}
	p.keys[key.KeyID] = *key.Priv
	return fmt.Sprint(key.KeyID)
}

func preKeyCalls() map[string]call {
	return map[string]call{
		// N how many
		"GetOrGenPreKeys": {1, func(g *generator, s *step) {
			if s.N = g.n(5); g.chance(200) {
				s.N = 50
			}
		}, func(ctx context.Context, p *party, s *step) (string, error) {
			list, err := p.GetOrGenPreKeys(ctx, uint32(s.N))
			out := fmt.Sprint(len(list))
			for _, key := range list {
				out += " " + p.show(key, false)
			}
			return out, err
		}},
		"GenOnePreKey": {1, asksNothing, func(ctx context.Context, p *party, _ *step) (string, error) {
			key, err := p.GenOnePreKey(ctx)
			if err != nil {
				// The engine's own store returns the key it could not store.
				return "none", err
			}
			return p.show(key, true), nil
		}},
		// N id
		"GetPreKey": {2, func(g *generator, s *step) { s.N = g.n(25) }, func(ctx context.Context, p *party, s *step) (string, error) {
			key, err := p.GetPreKey(ctx, uint32(s.N))
			return p.show(key, false), err
		}},
		"RemovePreKey": plain(2, func(g *generator, s *step) { s.N = g.n(25) }, func(ctx context.Context, p *party, s *step) error {
			err := p.RemovePreKey(ctx, uint32(s.N))
			if err == nil {
				// The engine's own store may give the id to another key.
				delete(p.keys, uint32(s.N))
			}
			return err
		}),
		"MarkPreKeysAsUploaded": plain(1, func(g *generator, s *step) { s.N = g.n(25) }, func(ctx context.Context, p *party, s *step) error {
			return p.MarkPreKeysAsUploaded(ctx, uint32(s.N))
		}),
		"UploadedPreKeyCount": {1, asksNothing, func(ctx context.Context, p *party, _ *step) (string, error) {
			n, err := p.UploadedPreKeyCount(ctx)
			return fmt.Sprint(n), err
		}},
	}
}
