package wastore_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/wastore"
)

func showSyncKey(key *wmstore.AppStateSyncKey) string {
	if key == nil {
		return "none"
	}
	return fmt.Sprint(key.Timestamp, " ", spoiled(key.Data), " ", spoiled(key.Fingerprint))
}

func stateCalls() map[string]call {
	return merged(syncKeyCalls(), versionCalls(), macCalls())
}

func syncKeyCalls() map[string]call {
	return map[string]call{
		// A id, N timestamp, V data, B length of the fingerprint
		"PutAppStateSyncKey": plain(1, func(g *generator, s *step) {
			s.A, s.N, s.V, s.B = g.keyID(), g.time(), g.smallValue(), string(g.smallValue())
		}, func(ctx context.Context, p *party, s *step) error {
			return p.PutAppStateSyncKey(ctx, []byte(s.A), wmstore.AppStateSyncKey{
				Data: s.V.bytes(), Fingerprint: value(s.B).bytes(), Timestamp: s.N,
			})
		}),
		"GetAppStateSyncKey": {2, func(g *generator, s *step) { s.A = g.keyID() }, func(ctx context.Context, p *party, s *step) (string, error) {
			key, err := p.GetAppStateSyncKey(ctx, []byte(s.A))
			return showSyncKey(key), err
		}},
		"GetLatestAppStateSyncKeyID": {1, asksNothing, func(ctx context.Context, p *party, _ *step) (string, error) {
			id, err := p.GetLatestAppStateSyncKeyID(ctx)
			return spoiled(id), err
		}},
		"GetAllAppStateSyncKeys": {0, asksNothing, func(ctx context.Context, p *party, _ *step) (string, error) {
			list, err := p.GetAllAppStateSyncKeys(ctx)
			out := fmt.Sprint(list == nil)
			for _, key := range list {
				out += ", " + showSyncKey(key)
			}
			return out, err
		}},
	}
}

func versionCalls() map[string]call {
	asksName := func(g *generator, s *step) { s.A = g.stateName() }
	return map[string]call{
		// A name, N version, M hash
		"PutAppStateVersion": plain(3, func(g *generator, s *step) {
			s.A, s.N, s.M = g.stateName(), g.version(), g.n(3)
		}, func(ctx context.Context, p *party, s *step) error {
			return p.PutAppStateVersion(ctx, s.A, uint64(s.N), [128]byte{byte(s.M), 127: 1})
		}),
		"GetAppStateVersion": {3, asksName, func(ctx context.Context, p *party, s *step) (string, error) {
			version, hash, err := p.GetAppStateVersion(ctx, s.A)
			return fmt.Sprint(version, " ", wastore.Show(hash[:])), err
		}},
		"DeleteAppStateVersion": plain(0, asksName, func(ctx context.Context, p *party, s *step) error {
			return p.DeleteAppStateVersion(ctx, s.A)
		}),
	}
}

// macOf is 32 bytes from a small number, or a wrong length from a negative one.
func macOf(n int64) []byte {
	if n < 0 {
		return bytes.Repeat([]byte{1}, int(-n))
	}
	b := bytes.Repeat([]byte{byte(n)}, 32)
	b[0] = byte(n >> 8)
	return b
}

func macCalls() map[string]call {
	return map[string]call{
		// A name, N version, List of N index, M value
		"PutAppStateMutationMACs": plain(7, func(g *generator, s *step) {
			s.A, s.N = g.stateName(), g.version()
			s.List = g.batch(func(e *entry, i int) {
				e.N, e.M = g.indexIn(i), g.n(4)
				if g.chance(100) {
					e.M = -31
				}
			})
		}, func(ctx context.Context, p *party, s *step) error {
			var list []wmstore.AppStateMutationMAC
			for _, e := range s.List {
				list = append(list, wmstore.AppStateMutationMAC{IndexMAC: macOf(e.N), ValueMAC: macOf(e.M)})
			}
			return p.PutAppStateMutationMACs(ctx, s.A, uint64(s.N), list)
		}),
		// A name, List of N index
		"DeleteAppStateMutationMACs": plain(2, func(g *generator, s *step) {
			s.A, s.List = g.stateName(), g.batch(func(e *entry, i int) { e.N = g.indexIn(i) })
		}, func(ctx context.Context, p *party, s *step) error {
			var list [][]byte
			for _, e := range s.List {
				list = append(list, macOf(e.N))
			}
			return p.DeleteAppStateMutationMACs(ctx, s.A, list)
		}),
		// A name, N index
		"GetAppStateMutationMAC": {7, func(g *generator, s *step) {
			s.A, s.N = g.stateName(), g.indexIn(0)
		}, func(ctx context.Context, p *party, s *step) (string, error) {
			mac, err := p.GetAppStateMutationMAC(ctx, s.A, macOf(s.N))
			return spoiled(mac), err
		}},
	}
}

func contactCalls() map[string]call {
	asksName := func(g *generator, s *step) { s.A, s.B = g.contact(), g.name() }
	type rename func(p *party) func(context.Context, types.JID, string) (bool, string, error)
	put := func(method rename) call {
		return call{3, asksName, func(ctx context.Context, p *party, s *step) (string, error) {
			changed, previous, err := method(p)(ctx, jidOf(s.A), s.B)
			return fmt.Sprintf("%v %q", changed, previous), err
		}}
	}
	return merged(chatCalls(), map[string]call{
		"PutPushName": put(func(p *party) func(context.Context, types.JID, string) (bool, string, error) {
			return p.PutPushName
		}),
		"PutBusinessName": put(func(p *party) func(context.Context, types.JID, string) (bool, string, error) {
			return p.PutBusinessName
		}),
		// A contact, B first name, C full name
		"PutContactName": plain(2, func(g *generator, s *step) {
			s.A, s.B, s.C = g.contact(), g.name(), g.name()
		}, func(ctx context.Context, p *party, s *step) error {
			return p.PutContactName(ctx, jidOf(s.A), s.B, s.C)
		}),
		"PutAllContactNames": plain(1, func(g *generator, s *step) {
			s.List = g.batch(func(e *entry, i int) { e.A, e.B, e.C = g.contactIn(i), g.name(), g.name() })
		}, func(ctx context.Context, p *party, s *step) error {
			var list []wmstore.ContactEntry
			for _, e := range s.List {
				list = append(list, wmstore.ContactEntry{JID: jidOf(e.A), FirstName: e.B, FullName: e.C})
			}
			return p.PutAllContactNames(ctx, list)
		}),
		// List of A contact, B redacted phone number
		"PutManyRedactedPhones": plain(1, func(g *generator, s *step) {
			s.List = g.batch(func(e *entry, i int) { e.A, e.B = g.contactIn(i), g.name() })
		}, func(ctx context.Context, p *party, s *step) error {
			var list []wmstore.RedactedPhoneEntry
			for _, e := range s.List {
				list = append(list, wmstore.RedactedPhoneEntry{JID: jidOf(e.A), RedactedPhone: e.B})
			}
			return p.PutManyRedactedPhones(ctx, list)
		}),
		"GetContact": {4, func(g *generator, s *step) { s.A = g.contact() }, func(ctx context.Context, p *party, s *step) (string, error) {
			c, err := p.GetContact(ctx, jidOf(s.A))
			return fmt.Sprintf("%+v", c), err
		}},
		"GetAllContacts": {0, asksNothing, func(ctx context.Context, p *party, _ *step) (string, error) {
			all, err := p.GetAllContacts(ctx)
			var lines []string
			for jid, c := range all {
				lines = append(lines, fmt.Sprintf("%s %+v", jid, c))
			}
			slices.Sort(lines)
			return strings.Join(lines, "\n"), err
		}},
	})
}

func chatCalls() map[string]call {
	asksChat := func(g *generator, s *step) { s.A, s.N = g.chat(), g.n(1) }
	return map[string]call{
		// A chat, N until when
		"PutMutedUntil": plain(1, func(g *generator, s *step) {
			if s.A, s.N = g.chat(), g.time(); g.chance(3) {
				s.N = forever
			}
		}, func(ctx context.Context, p *party, s *step) error {
			return p.PutMutedUntil(ctx, jidOf(s.A), timeOf(s.N))
		}),
		"PutPinned": plain(1, asksChat, func(ctx context.Context, p *party, s *step) error {
			return p.PutPinned(ctx, jidOf(s.A), s.N != 0)
		}),
		"PutArchived": plain(1, asksChat, func(ctx context.Context, p *party, s *step) error {
			return p.PutArchived(ctx, jidOf(s.A), s.N != 0)
		}),
		"GetChatSettings": {2, asksChat, func(ctx context.Context, p *party, s *step) (string, error) {
			got, err := p.GetChatSettings(ctx, jidOf(s.A))
			// The engine compares with ==, zone and pointer included.
			return fmt.Sprint(got.Found, got.Pinned, got.Archived, got.MutedUntil == wmstore.MutedForever,
				got.MutedUntil.Unix(), got.MutedUntil.Nanosecond()), err
		}},
	}
}

func showLIDs(all map[types.JID]types.JID) string {
	var lines []string
	for _, pn := range slices.Collect(maps.Keys(all)) {
		lines = append(lines, pn.String()+"="+all[pn].String())
	}
	slices.Sort(lines)
	return fmt.Sprint(all == nil, lines)
}

func lidCalls() map[string]call {
	return map[string]call{
		// A LID, B phone number
		"PutLIDMapping": plain(3, func(g *generator, s *step) {
			s.A, s.B = g.pair()
		}, func(ctx context.Context, p *party, s *step) error {
			return p.PutLIDMapping(ctx, jidOf(s.A), jidOf(s.B))
		}),
		"PutManyLIDMappings": plain(1, func(g *generator, s *step) {
			s.List = g.batch(func(e *entry, _ int) { e.A, e.B = g.pair() })
		}, func(ctx context.Context, p *party, s *step) error {
			var list []wmstore.LIDMapping
			for _, e := range s.List {
				list = append(list, wmstore.LIDMapping{LID: jidOf(e.A), PN: jidOf(e.B)})
			}
			return p.PutManyLIDMappings(ctx, list)
		}),
		"GetLIDForPN": {4, func(g *generator, s *step) { s.A = g.jid() }, func(ctx context.Context, p *party, s *step) (string, error) {
			jid, err := p.GetLIDForPN(ctx, jidOf(s.A))
			return jid.String(), err
		}},
		"GetPNForLID": {4, func(g *generator, s *step) { s.A = g.jid() }, func(ctx context.Context, p *party, s *step) (string, error) {
			jid, err := p.GetPNForLID(ctx, jidOf(s.A))
			return jid.String(), err
		}},
		"GetManyLIDsForPNs": {2, func(g *generator, s *step) {
			s.List = g.batch(func(e *entry, _ int) { e.A = g.jid() })
		}, func(ctx context.Context, p *party, s *step) (string, error) {
			var list []types.JID
			for _, e := range s.List {
				list = append(list, jidOf(e.A))
			}
			all, err := p.GetManyLIDsForPNs(ctx, list)
			return showLIDs(all), err
		}},
	}
}
