package wastore_test

import (
	"context"
	"fmt"

	wmstore "go.mau.fi/whatsmeow/store"
)

func eventCalls() map[string]call {
	return merged(secretCalls(), tokenCalls(), bufferCalls(), outgoingCalls(), map[string]call{
		"PutNCTSalt": plain(1, func(g *generator, s *step) { s.V = g.smallValue() }, func(ctx context.Context, p *party, s *step) error {
			return p.PutNCTSalt(ctx, s.V.bytes())
		}),
		"GetNCTSalt": {2, asksNothing, func(ctx context.Context, p *party, _ *step) (string, error) {
			salt, err := p.GetNCTSalt(ctx)
			return spoiled(salt), err
		}},
		"DeleteNCTSalt": plain(0, asksNothing, func(ctx context.Context, p *party, _ *step) error {
			return p.DeleteNCTSalt(ctx)
		}),
	})
}

func secretCalls() map[string]call {
	return map[string]call{
		// A chat, B sender, C id, V secret
		"PutMessageSecret": plain(5, func(g *generator, s *step) {
			s.A, s.B, s.C, s.V = g.chat(), g.near(), g.messageID(), g.smallValue()
		}, func(ctx context.Context, p *party, s *step) error {
			return p.PutMessageSecret(ctx, jidOf(s.A), jidOf(s.B), s.C, s.V.bytes())
		}),
		"PutMessageSecrets": plain(1, func(g *generator, s *step) {
			s.List = g.batch(func(e *entry, i int) {
				e.A, e.B, e.C, e.V = g.chat(), g.near(), g.messageIDIn(i), g.smallValue()
			})
		}, func(ctx context.Context, p *party, s *step) error {
			var list []wmstore.MessageSecretInsert
			for _, e := range s.List {
				list = append(list, wmstore.MessageSecretInsert{Chat: jidOf(e.A), Sender: jidOf(e.B), ID: e.C, Secret: e.V.bytes()})
			}
			return p.PutMessageSecrets(ctx, list)
		}),
		"GetMessageSecret": {4, func(g *generator, s *step) {
			s.A, s.B, s.C = g.chat(), g.near(), g.messageID()
		}, func(ctx context.Context, p *party, s *step) (string, error) {
			secret, sender, err := p.GetMessageSecret(ctx, jidOf(s.A), jidOf(s.B), s.C)
			return spoiled(secret) + " " + sender.String(), err
		}},
	}
}

func tokenCalls() map[string]call {
	return map[string]call{
		// List of A user, N timestamp, M sender timestamp, V token
		"PutPrivacyTokens": plain(4, func(g *generator, s *step) {
			s.List = g.batch(func(e *entry, i int) {
				e.A, e.N, e.M, e.V = g.userIn(i), g.time(), g.time(), g.smallValue()
				if g.chance(3) {
					e.M = zeroTime
				}
			})
		}, func(ctx context.Context, p *party, s *step) error {
			var list []wmstore.PrivacyToken
			for _, e := range s.List {
				list = append(list, wmstore.PrivacyToken{
					User: jidOf(e.A), Token: e.V.bytes(), Timestamp: timeOf(e.N), SenderTimestamp: timeOf(e.M),
				})
			}
			return p.PutPrivacyTokens(ctx, list...)
		}),
		"GetPrivacyToken": {6, func(g *generator, s *step) { s.A = g.near() }, func(ctx context.Context, p *party, s *step) (string, error) {
			t, err := p.GetPrivacyToken(ctx, jidOf(s.A))
			if t == nil {
				return "none", err
			}
			return fmt.Sprint(t.User, " ", spoiled(t.Token), " ", t.Timestamp.Unix(), " ", t.SenderTimestamp.Unix()), err
		}},
		// N cutoff
		"DeleteExpiredPrivacyTokens": {1, func(g *generator, s *step) { s.N = g.time() }, func(ctx context.Context, p *party, s *step) (string, error) {
			n, err := p.DeleteExpiredPrivacyTokens(ctx, timeOf(s.N))
			return fmt.Sprint(n), err
		}},
	}
}

func bufferCalls() map[string]call {
	asksHash := func(g *generator, s *step) { s.N = g.hash() }
	hash := func(s *step) [32]byte { return [32]byte(macOf(s.N)) }
	return map[string]call{
		"GetBufferedEvent": {8, asksHash, func(ctx context.Context, p *party, s *step) (string, error) {
			e, err := p.GetBufferedEvent(ctx, hash(s))
			if e == nil {
				return "none", err
			}
			return fmt.Sprint(e.InsertTime.UnixMilli(), " ", e.ServerTime.Unix(), " ", spoiled(e.Plaintext)), err
		}},
		// N hash, M server time, V plaintext
		"PutBufferedEvent": plain(8, func(g *generator, s *step) {
			s.N, s.M, s.V = g.hash(), g.time(), g.value()
		}, func(ctx context.Context, p *party, s *step) error {
			return p.PutBufferedEvent(ctx, hash(s), s.V.bytes(), timeOf(s.M))
		}),
		"ClearBufferedEventPlaintext": plain(6, asksHash, func(ctx context.Context, p *party, s *step) error {
			return p.ClearBufferedEventPlaintext(ctx, hash(s))
		}),
		"DeleteOldBufferedHashes": plain(1, asksNothing, func(ctx context.Context, p *party, _ *step) error {
			return p.DeleteOldBufferedHashes(ctx)
		}),
	}
}

func outgoingCalls() map[string]call {
	return map[string]call{
		// A chat, B format, C id, V plaintext
		"AddOutgoingEvent": plain(4, func(g *generator, s *step) {
			s.A, s.B, s.C, s.V = g.chat(), g.pick("wa", "fb", ""), g.messageID(), g.value()
			if g.chance(60) {
				s.A = ""
			}
		}, func(ctx context.Context, p *party, s *step) error {
			return p.AddOutgoingEvent(ctx, jidOf(s.A), s.C, s.B, s.V.bytes())
		}),
		// A chat, B its other form, C id
		"GetOutgoingEvent": {3, func(g *generator, s *step) {
			if s.A, s.B, s.C = g.chat(), g.chat(), g.messageID(); g.chance(3) {
				s.B = ""
			}
		}, func(ctx context.Context, p *party, s *step) (string, error) {
			format, text, err := p.GetOutgoingEvent(ctx, jidOf(s.A), jidOf(s.B), s.C)
			return format + " " + spoiled(text), err
		}},
		"DeleteOldOutgoingEvents": plain(3, asksNothing, func(ctx context.Context, p *party, _ *step) error {
			return p.DeleteOldOutgoingEvents(ctx)
		}),
	}
}
