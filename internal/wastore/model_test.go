package wastore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"pgregory.net/rapid"

	"pombal/internal/wastore"
)

// model is what the container should hold: rows of device and kind by name,
// values as text. Copying it is a savepoint.
type model struct {
	rows     map[string]string
	lidOf    map[string]string
	pnOf     map[string]string
	migrated map[string]bool // forgotten at reopening
	gone     map[string]bool
	now      time.Time
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.rows), maps.Clone(m.lidOf), maps.Clone(m.pnOf), maps.Clone(m.migrated), maps.Clone(m.gone), m.now}
}

// dev is the model of one device.
type dev struct {
	*model
	name string
}

func (d dev) key(kind string, parts ...string) string {
	return strings.Join(append([]string{d.name, kind}, parts...), "|")
}

func (d dev) get(kind string, parts ...string) string {
	if v, ok := d.rows[d.key(kind, parts...)]; ok {
		return v
	}
	return "none"
}

func (d dev) put(value, kind string, parts ...string) string {
	if d.gone[d.name] {
		return "gone"
	}
	d.rows[d.key(kind, parts...)] = value
	return "ok"
}

func (d dev) del(kind string, parts ...string) string {
	delete(d.rows, d.key(kind, parts...))
	return "ok"
}

// each returns the last key parts of all rows of a kind whose key goes on with
// prefix, in order.
func (d dev) each(kind, prefix string) []string {
	var names []string
	start := d.key(kind) + "|"
	for key := range d.rows {
		if rest, ok := strings.CutPrefix(key, start); ok && strings.HasPrefix(rest, prefix) {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names
}

func (d dev) twin(jid types.JID) types.JID {
	switch jid.Server {
	case types.DefaultUserServer:
		if lid := d.lidOf[jid.User]; lid != "" {
			return lidJID(lid)
		}
	case types.HiddenUserServer:
		if pn := d.pnOf[jid.User]; pn != "" {
			return pnJID(pn)
		}
	}
	return types.EmptyJID
}

func (d dev) forms(jid types.JID) []types.JID {
	forms := []types.JID{jid.ToNonAD()}
	if twin := d.twin(jid); !twin.IsEmpty() {
		forms = append(forms, twin)
	}
	return forms
}

// op is one call: what the store answers and what the model says it should.
type op struct {
	name string
	real func(ctx context.Context, d *wmstore.Device) string
	want func(d dev) string
}

// result shows an answer in the form the model uses.
func result(err error, value string) string {
	switch {
	case errors.Is(err, wastore.ErrDeviceGone):
		return "gone"
	case errors.Is(err, wastore.ErrNotFound):
		return "none"
	case err != nil:
		return "error"
	}
	return value
}

func text(b []byte) string {
	if b == nil {
		return "none"
	}
	return string(b)
}

var (
	users     = []string{"777", "7771", "77", "a_b", "axb", "A%"}
	values    = []string{"a", "b", strings.Repeat("c", 1700), strings.Repeat("d", 34_000)}
	messageID = []string{"1", "2"}
	ops       = slices.Concat(signalOps(), stateOps(), peopleOps(), eventOps())
)

type gen struct{ *rapid.T }

func (g gen) pick(from []string, label string) string {
	return rapid.SampledFrom(from).Draw(g.T, label)
}

func (g gen) number(n int, label string) int { return rapid.IntRange(0, n).Draw(g.T, label) }

func (g gen) signalUser() string { return g.pick(users, "user") + g.pick([]string{"", "_1"}, "agent") }

func (g gen) address() string { return g.signalUser() + ":" + g.pick([]string{"0", "3"}, "device") }

func (g gen) jid() types.JID {
	jid := types.NewJID(g.pick(users[:3], "user"), g.pick([]string{types.DefaultUserServer, types.HiddenUserServer}, "server"))
	jid.Device = uint16(g.number(1, "device") * 3)
	return jid
}

func (g gen) value() string { return g.pick(values, "value") }

func signalOps() []func(gen) op {
	return []func(gen) op{
		func(g gen) op {
			a, k := g.address(), byte(g.number(1, "key"))
			return op{"PutIdentity " + a, func(ctx context.Context, d *wmstore.Device) string {
				return result(d.Identities.PutIdentity(ctx, a, key32(k)), "ok")
			}, func(d dev) string { return d.put(fmt.Sprint(k), "identity", a) }}
		},
		func(g gen) op {
			a, k := g.address(), byte(g.number(1, "key"))
			return op{"IsTrusted " + a, func(ctx context.Context, d *wmstore.Device) string {
				ok, err := d.Identities.IsTrustedIdentity(ctx, a, key32(k))
				return result(err, fmt.Sprint(ok))
			}, func(d dev) string {
				have := d.get("identity", a)
				return fmt.Sprint(have == "none" || have == fmt.Sprint(k))
			}}
		},
		func(g gen) op {
			a, kind := g.address(), g.pick([]string{"identity", "session"}, "kind")
			return op{"Delete " + kind + " " + a, func(ctx context.Context, d *wmstore.Device) string {
				if kind == "session" {
					return result(d.Sessions.DeleteSession(ctx, a), "ok")
				}
				return result(d.Identities.DeleteIdentity(ctx, a), "ok")
			}, func(d dev) string { return d.del(kind, a) }}
		},
		func(g gen) op {
			u, kind := g.signalUser(), g.pick([]string{"identity", "session"}, "kind")
			return op{"DeleteAll " + kind + " " + u, func(ctx context.Context, d *wmstore.Device) string {
				if kind == "session" {
					return result(d.Sessions.DeleteAllSessions(ctx, u), "ok")
				}
				return result(d.Identities.DeleteAllIdentities(ctx, u), "ok")
			}, func(d dev) string {
				for _, a := range d.each(kind, u+":") {
					d.del(kind, a)
				}
				return "ok"
			}}
		},
		func(g gen) op {
			a, v := g.address(), g.value()
			return op{"PutSession " + a, func(ctx context.Context, d *wmstore.Device) string {
				return result(d.Sessions.PutSession(ctx, a, []byte(v)), "ok")
			}, func(d dev) string { return d.put(v, "session", a) }}
		},
		func(g gen) op {
			a, b, v := g.address(), g.address(), g.value()
			return op{"PutManySessions", func(ctx context.Context, d *wmstore.Device) string {
				return result(d.Sessions.PutManySessions(ctx, map[string][]byte{a: []byte(v), b: []byte(v)}), "ok")
			}, func(d dev) string { d.put(v, "session", a); return d.put(v, "session", b) }}
		},
		func(g gen) op {
			a, b := g.address(), g.address()
			return op{"GetManySessions", func(ctx context.Context, d *wmstore.Device) string {
				got, err := d.Sessions.GetManySessions(ctx, []string{a, b})
				return result(err, text(got[a])+text(got[b]))
			}, func(d dev) string { return d.get("session", a) + d.get("session", b) }}
		},
		func(g gen) op {
			a := g.address()
			return op{"GetSession " + a, func(ctx context.Context, d *wmstore.Device) string {
				got, err := d.Sessions.GetSession(ctx, a)
				has, err2 := d.Sessions.HasSession(ctx, a)
				return result(errors.Join(err, err2), fmt.Sprint(has, text(got)))
			}, func(d dev) string { return fmt.Sprint(d.get("session", a) != "none", d.get("session", a)) }}
		},
		func(g gen) op {
			a, grp, v := g.address(), g.pick([]string{"g1", "g2"}, "group"), g.value()
			return op{"PutSenderKey " + a, func(ctx context.Context, d *wmstore.Device) string {
				return result(d.SenderKeys.PutSenderKey(ctx, grp, a, []byte(v)), "ok")
			}, func(d dev) string { return d.put(v, "sender", a, grp) }}
		},
		func(g gen) op {
			a, grp := g.address(), g.pick([]string{"g1", "g2"}, "group")
			return op{"GetSenderKey " + a, func(ctx context.Context, d *wmstore.Device) string {
				got, err := d.SenderKeys.GetSenderKey(ctx, grp, a)
				return result(err, text(got))
			}, func(d dev) string { return d.get("sender", a, grp) }}
		},
		func(g gen) op {
			pn, lid := pnJID(g.pick(users, "pn")), lidJID(g.pick(users, "lid"))
			return op{"Migrate " + pn.User, func(ctx context.Context, d *wmstore.Device) string {
				return result(d.Sessions.MigratePNToLID(ctx, pn, lid), "ok")
			}, func(d dev) string { return d.migrate(pn.User, lid.User+"_1") }}
		},
		preKeyOp,
	}
}

func (d dev) migrate(pn, lid string) string {
	if d.migrated[d.name+pn] {
		return "ok"
	}
	d.migrated[d.name+pn] = true
	for _, kind := range []string{"session", "identity", "sender"} {
		for _, a := range d.each(kind, pn+":") {
			d.put(d.get(kind, a), kind, lid+strings.TrimPrefix(a, pn))
			d.del(kind, a)
		}
	}
	return "ok"
}

// preKeyOp covers the pre-keys; the model knows ids and flags.
func preKeyOp(g gen) op {
	what, n := g.pick([]string{"gen", "one", "get", "remove", "mark", "count"}, "what"), g.number(6, "n")
	key := func(id int) string { return fmt.Sprintf("%04d", id) }
	return op{fmt.Sprint("prekeys ", what, n), func(ctx context.Context, d *wmstore.Device) string {
		switch what {
		case "gen":
			list, err := d.PreKeys.GetOrGenPreKeys(ctx, uint32(n))
			return result(err, ids(list))
		case "one":
			k, err := d.PreKeys.GenOnePreKey(ctx)
			if err != nil {
				return result(err, "")
			}
			return fmt.Sprint(k.KeyID)
		case "get":
			k, err := d.PreKeys.GetPreKey(ctx, uint32(n))
			return result(err, fmt.Sprint(k != nil))
		case "remove":
			return result(d.PreKeys.RemovePreKey(ctx, uint32(n)), "ok")
		case "mark":
			return result(d.PreKeys.MarkPreKeysAsUploaded(ctx, uint32(n)), "ok")
		default:
			count, err := d.PreKeys.UploadedPreKeyCount(ctx)
			return result(err, fmt.Sprint(count))
		}
	}, func(d dev) string {
		last := 0
		_, _ = fmt.Sscan(d.get("lastkey"), &last)
		fresh := func(flag string) int {
			last++
			d.put(key(last), "lastkey")
			d.put(flag, "prekey", key(last))
			return last
		}
		var list []int
		switch what {
		case "gen":
			for _, id := range d.each("prekey", "") {
				if len(list) < n && d.get("prekey", id) == "new" {
					var v int
					_, _ = fmt.Sscan(strings.TrimLeft(id, "0"), &v)
					list = append(list, v)
				}
			}
			for len(list) < n {
				if d.gone[d.name] {
					return "gone"
				}
				list = append(list, fresh("new"))
			}
			return fmt.Sprint(list)
		case "one":
			if d.gone[d.name] {
				return "gone"
			}
			return fmt.Sprint(fresh("uploaded"))
		case "get":
			return fmt.Sprint(d.get("prekey", key(n)) != "none")
		case "remove":
			return d.del("prekey", key(n))
		case "mark":
			for _, id := range d.each("prekey", "") {
				if id <= key(n) {
					d.put("uploaded", "prekey", id)
				}
			}
			return "ok"
		default:
			count := 0
			for _, id := range d.each("prekey", "") {
				if d.get("prekey", id) == "uploaded" {
					count++
				}
			}
			return fmt.Sprint(count)
		}
	}}
}

func stateOps() []func(gen) op {
	names := []string{"regular", "regular_low"}
	return []func(gen) op{
		func(g gen) op {
			id, at, v := g.pick(messageID, "id"), g.number(3, "at"), g.value()
			return op{"PutSyncKey", func(ctx context.Context, d *wmstore.Device) string {
				return result(d.AppStateKeys.PutAppStateSyncKey(ctx, []byte(id), syncKey(int64(at), v)), "ok")
			}, func(d dev) string {
				if d.get("synckey", id) != "none" && d.get("synckey", id)[:1] >= fmt.Sprint(at) {
					return "ok"
				}
				return d.put(fmt.Sprint(at, v), "synckey", id)
			}}
		},
		func(gen) op {
			return op{"AllSyncKeys", func(ctx context.Context, d *wmstore.Device) string {
				list, err := d.AppStateKeys.GetAllAppStateSyncKeys(ctx)
				latest, err2 := d.AppStateKeys.GetLatestAppStateSyncKeyID(ctx)
				out := text(latest)
				for _, k := range list {
					out += fmt.Sprint(" ", k.Timestamp, string(k.Data))
				}
				return result(errors.Join(err, err2), out)
			}, func(d dev) string {
				ids := d.each("synckey", "")
				slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(d.get("synckey", b)[0], d.get("synckey", a)[0]) })
				out := "none"
				for i, id := range ids {
					if i == 0 {
						out = id
					}
					out += " " + d.get("synckey", id)
				}
				return out
			}}
		},
		func(g gen) op {
			n, v := g.pick(names, "name"), g.number(3, "version")
			return op{"PutVersion " + n, func(ctx context.Context, d *wmstore.Device) string {
				return result(d.AppState.PutAppStateVersion(ctx, n, uint64(v), [128]byte{byte(v)}), "ok")
			}, func(d dev) string {
				if v == 0 {
					return "error"
				}
				return d.put(fmt.Sprint(v), "version", n)
			}}
		},
		func(g gen) op {
			n := g.pick(names, "name")
			return op{"GetVersion " + n, func(ctx context.Context, d *wmstore.Device) string {
				v, hash, err := d.AppState.GetAppStateVersion(ctx, n)
				return result(err, fmt.Sprint(v, hash[0]))
			}, func(d dev) string {
				v := strings.Replace(d.get("version", n), "none", "0", 1)
				return v + " " + v
			}}
		},
		func(g gen) op {
			n := g.pick(names, "name")
			return op{"DeleteVersion " + n, func(ctx context.Context, d *wmstore.Device) string {
				return result(d.AppState.DeleteAppStateVersion(ctx, n), "ok")
			}, func(d dev) string {
				for _, k := range d.each("mac", n+"|") {
					d.del("mac", k)
				}
				return d.del("version", n)
			}}
		},
		func(g gen) op {
			n, v, a, b, x := g.pick(names, "name"), g.number(3, "version"), g.number(2, "a"), g.number(2, "b"), g.number(3, "x")
			return op{"PutMACs " + n, func(ctx context.Context, d *wmstore.Device) string {
				list := []wmstore.AppStateMutationMAC{mac(byte(a), byte(x)), mac(byte(b), byte(x+1))}
				return result(d.AppState.PutAppStateMutationMACs(ctx, n, uint64(v), list), "ok")
			}, func(d dev) string {
				ka, kb := []string{n, fmt.Sprint(a), fmt.Sprint(v)}, []string{n, fmt.Sprint(b), fmt.Sprint(v)}
				switch {
				case d.gone[d.name]:
					return "gone"
				case d.get("version", n) == "none" || d.get("mac", ka...) != "none" || d.get("mac", kb...) != "none":
					return "error"
				}
				d.put(fmt.Sprint(x), "mac", ka...)
				return d.put(fmt.Sprint(x+1), "mac", kb...)
			}}
		},
		func(g gen) op {
			n, a := g.pick(names, "name"), g.number(2, "a")
			return op{"DeleteMACs " + n, func(ctx context.Context, d *wmstore.Device) string {
				return result(d.AppState.DeleteAppStateMutationMACs(ctx, n, [][]byte{mac(byte(a), 0).IndexMAC}), "ok")
			}, func(d dev) string {
				for _, k := range d.each("mac", fmt.Sprint(n, "|", a, "|")) {
					d.del("mac", k)
				}
				return "ok"
			}}
		},
		func(g gen) op {
			n, a := g.pick(names, "name"), g.number(2, "a")
			return op{"GetMAC " + n, func(ctx context.Context, d *wmstore.Device) string {
				got, err := d.AppState.GetAppStateMutationMAC(ctx, n, mac(byte(a), 0).IndexMAC)
				if got == nil {
					return result(err, "none")
				}
				return result(err, fmt.Sprint(got[0]))
			}, func(d dev) string {
				versions := d.each("mac", fmt.Sprint(n, "|", a, "|"))
				if len(versions) == 0 {
					return "none"
				}
				return d.get("mac", versions[len(versions)-1])
			}}
		},
	}
}

func peopleOps() []func(gen) op {
	fields := []string{"first", "full", "push", "business", "redacted"}
	row := func(d dev, jid types.JID) map[string]string {
		c := map[string]string{}
		for _, f := range fields {
			c[f] = strings.TrimPrefix(strings.Replace(d.get(f, jid.String()), "none", "", 1), "=")
		}
		return c
	}
	set := func(d dev, jid types.JID, field, value string) string {
		d.put("row", "contact", jid.String())
		return d.put("="+value, field, jid.String())
	}
	name := []string{"", "x", "y"}
	return []func(gen) op{
		func(g gen) op {
			jid, f, v := g.jid(), g.pick([]string{"push", "business"}, "field"), g.pick(name, "name")
			return op{"Put " + f, func(ctx context.Context, d *wmstore.Device) string {
				put := d.Contacts.PutPushName
				if f == "business" {
					put = d.Contacts.PutBusinessName
				}
				changed, previous, err := put(ctx, jid, v)
				return result(err, fmt.Sprint(changed, previous))
			}, func(d dev) string {
				old := row(d, jid)[f]
				if old == v {
					return "false"
				}
				if set(d, jid, f, v) == "gone" {
					return "gone"
				}
				return fmt.Sprint(true, old)
			}}
		},
		func(g gen) op {
			jid, a, b := g.jid(), g.pick(name, "first"), g.pick(name, "full")
			return op{"PutContactName", func(ctx context.Context, d *wmstore.Device) string {
				return result(d.Contacts.PutContactName(ctx, jid, a, b), "ok")
			}, func(d dev) string {
				if c := row(d, jid); c["first"] == a && c["full"] == b {
					return "ok"
				}
				set(d, jid, "first", a)
				return set(d, jid, "full", b)
			}}
		},
		func(g gen) op {
			x, y, a, b := g.jid(), g.jid(), g.pick(name, "a"), g.pick(name, "b")
			return op{"PutAllContactNames", func(ctx context.Context, d *wmstore.Device) string {
				return result(d.Contacts.PutAllContactNames(ctx, []wmstore.ContactEntry{
					{JID: x, FirstName: a, FullName: b}, {JID: y, FirstName: b, FullName: a},
				}), "ok")
			}, func(d dev) string {
				set(d, y, "first", b)
				set(d, y, "full", a)
				set(d, x, "first", a)
				return set(d, x, "full", b)
			}}
		},
		func(g gen) op {
			x, a := g.jid(), g.pick(name, "a")
			return op{"PutManyRedactedPhones", func(ctx context.Context, d *wmstore.Device) string {
				return result(d.Contacts.PutManyRedactedPhones(ctx, []wmstore.RedactedPhoneEntry{{JID: x, RedactedPhone: a}}), "ok")
			}, func(d dev) string { return set(d, x, "redacted", a) }}
		},
		func(g gen) op {
			jid := g.jid()
			return op{"GetContact", func(ctx context.Context, d *wmstore.Device) string {
				c, err := d.Contacts.GetContact(ctx, jid)
				all, err2 := d.Contacts.GetAllContacts(ctx)
				if all[jid] != c {
					return "GetAllContacts differs"
				}
				return result(errors.Join(err, err2), fmt.Sprint(c, len(all)))
			}, func(d dev) string {
				c := row(d, jid)
				return fmt.Sprint(types.ContactInfo{
					Found: d.get("contact", jid.String()) != "none", FirstName: c["first"], FullName: c["full"],
					PushName: c["push"], BusinessName: c["business"], RedactedPhone: c["redacted"],
				}, len(d.each("contact", "")))
			}}
		},
		func(g gen) op {
			jid, on, what := g.jid(), g.number(1, "on") == 1, g.pick([]string{"pinned", "archived", "muted"}, "what")
			return op{"Put " + what, func(ctx context.Context, d *wmstore.Device) string {
				switch what {
				case "pinned":
					return result(d.ChatSettings.PutPinned(ctx, jid, on), "ok")
				case "archived":
					return result(d.ChatSettings.PutArchived(ctx, jid, on), "ok")
				}
				until := wmstore.MutedForever
				if on {
					until = time.Unix(99, 99)
				}
				return result(d.ChatSettings.PutMutedUntil(ctx, jid, until), "ok")
			}, func(d dev) string {
				d.put("row", "chat", jid.String())
				return d.put(fmt.Sprint(on), what, jid.String())
			}}
		},
		func(g gen) op {
			jid := g.jid()
			return op{"GetChatSettings", func(ctx context.Context, d *wmstore.Device) string {
				s, err := d.ChatSettings.GetChatSettings(ctx, jid)
				muted := "none"
				if s.MutedUntil == wmstore.MutedForever {
					muted = "false"
				} else if s.MutedUntil == time.Unix(99, 0) {
					muted = "true"
				}
				return result(err, fmt.Sprint(s.Found, s.Pinned, s.Archived, muted))
			}, func(d dev) string {
				is := func(what string) bool { return d.get(what, jid.String()) == "true" }
				return fmt.Sprint(d.get("chat", jid.String()) != "none", is("pinned"), is("archived"), d.get("muted", jid.String()))
			}}
		},
		tokenOp,
		func(g gen) op {
			v, what := g.value(), g.pick([]string{"put", "get", "delete"}, "what")
			return op{"salt " + what, func(ctx context.Context, d *wmstore.Device) string {
				switch what {
				case "put":
					return result(d.NCTSalt.PutNCTSalt(ctx, []byte(v)), "ok")
				case "delete":
					return result(d.NCTSalt.DeleteNCTSalt(ctx), "ok")
				}
				got, err := d.NCTSalt.GetNCTSalt(ctx)
				return result(err, text(got))
			}, func(d dev) string {
				switch what {
				case "put":
					return d.put(v, "salt")
				case "delete":
					return d.del("salt")
				}
				return d.get("salt")
			}}
		},
		lidOp,
	}
}

func tokenOp(g gen) op {
	jid, at, sent, v := g.jid(), g.number(3, "at"), g.number(2, "sent"), g.pick(values[:2], "token")
	what := g.pick([]string{"put", "get", "get", "expire"}, "what")
	parse := func(s string) (at, sent int, v string) {
		_, _ = fmt.Sscan(s, &at, &sent, &v)
		return at, sent, v
	}
	return op{"token " + what, func(ctx context.Context, d *wmstore.Device) string {
		switch what {
		case "put":
			return result(d.PrivacyTokens.PutPrivacyTokens(ctx, token(jid, v, int64(at), int64(sent))), "ok")
		case "expire":
			n, err := d.PrivacyTokens.DeleteExpiredPrivacyTokens(ctx, time.Unix(int64(at), 0))
			return result(err, fmt.Sprint(n))
		}
		got, err := d.PrivacyTokens.GetPrivacyToken(ctx, jid)
		return result(err, showToken(got))
	}, func(d dev) string {
		key := jid.ToNonAD().String()
		switch what {
		case "put":
			if old := d.get("token", key); old != "none" {
				oldAt, oldSent, _ := parse(old)
				if at < oldAt {
					return "ok"
				}
				if sent == 0 {
					return d.put(fmt.Sprint(at, oldSent, " ", v), "token", key)
				}
			}
			return d.put(fmt.Sprint(at, sent, " ", v), "token", key)
		case "expire":
			count := 0
			for _, k := range d.each("token", "") {
				if have, _, _ := parse(d.get("token", k)); have < at {
					d.del("token", k)
					count++
				}
			}
			return fmt.Sprint(count)
		}
		best, bestAt, bestSent := "none", -1, -1
		for _, form := range d.forms(jid) {
			s := d.get("token", form.String())
			if s == "none" {
				continue
			}
			a, sn, tok := parse(s)
			if a > bestAt || a == bestAt && sn > bestSent {
				shown := "-"
				if sn > 0 {
					shown = fmt.Sprint(sn)
				}
				best, bestAt, bestSent = fmt.Sprintf("%s %s %d %s", jid.User, tok, a, shown), a, sn
			}
		}
		return best
	}}
}

func lidOp(g gen) op {
	lid, pn, put := g.pick(users[:3], "lid"), g.pick(users[:3], "pn"), g.number(1, "put") == 1
	return op{fmt.Sprint("lid ", lid, " ", pn, " ", put), func(ctx context.Context, d *wmstore.Device) string {
		if put {
			return result(d.LIDs.PutLIDMapping(ctx, lidJID(lid), pnJID(pn)), "ok")
		}
		a, err := d.LIDs.GetPNForLID(ctx, lidJID(lid))
		b, err2 := d.LIDs.GetLIDForPN(ctx, pnJID(pn))
		many, err3 := d.LIDs.GetManyLIDsForPNs(ctx, []types.JID{pnJID(pn)})
		return result(errors.Join(err, err2, err3), a.User+" "+b.User+" "+many[pnJID(pn)].User)
	}, func(d dev) string {
		if !put {
			return d.pnOf[lid] + " " + d.lidOf[pn] + " " + d.lidOf[pn]
		}
		if old, ok := d.pnOf[lid]; ok {
			delete(d.lidOf, old)
		}
		if old, ok := d.lidOf[pn]; ok {
			delete(d.pnOf, old)
		}
		d.pnOf[lid], d.lidOf[pn] = pn, lid
		return "ok"
	}}
}

func eventOps() []func(gen) op {
	return []func(gen) op{
		func(g gen) op {
			chat, sender, id, v := g.jid(), g.jid(), g.pick(messageID, "id"), g.value()
			return op{"PutMessageSecret", func(ctx context.Context, d *wmstore.Device) string {
				return result(d.MsgSecrets.PutMessageSecret(ctx, chat, sender, id, []byte(v)), "ok")
			}, func(d dev) string {
				parts := []string{chat.ToNonAD().String(), sender.ToNonAD().String(), id}
				if d.get("secret", parts...) != "none" {
					return "ok"
				}
				return d.put(v, "secret", parts...)
			}}
		},
		func(g gen) op {
			chat, sender, id := g.jid(), g.jid(), g.pick(messageID, "id")
			return op{"GetMessageSecret", func(ctx context.Context, d *wmstore.Device) string {
				got, from, err := d.MsgSecrets.GetMessageSecret(ctx, chat, sender, id)
				return result(err, text(got)+from.String())
			}, func(d dev) string {
				for _, c := range d.forms(chat) {
					for _, s := range d.forms(sender) {
						if v := d.get("secret", c.String(), s.String(), id); v != "none" {
							return v + s.String()
						}
					}
				}
				return "none"
			}}
		},
		func(g gen) op {
			hash, v := key32(byte(g.number(3, "hash"))), g.value()
			what := g.pick([]string{"put", "get", "clear"}, "what")
			return op{"buffer " + what, func(ctx context.Context, d *wmstore.Device) string {
				switch what {
				case "put":
					return result(d.EventBuffer.PutBufferedEvent(ctx, hash, []byte(v), time.Unix(5, 0)), "ok")
				case "clear":
					return result(d.EventBuffer.ClearBufferedEventPlaintext(ctx, hash), "ok")
				}
				got, err := d.EventBuffer.GetBufferedEvent(ctx, hash)
				if got == nil {
					return result(err, "none")
				}
				return result(err, fmt.Sprint(got.InsertTime.Unix(), text(got.Plaintext)))
			}, func(d dev) string {
				have := d.get("buffer", fmt.Sprint(hash[0]))
				switch what {
				case "put":
					if have != "none" {
						return "error"
					}
					d.put(fmt.Sprint(d.now.Unix()), "bufferat", fmt.Sprint(hash[0]))
					return d.put(v, "buffer", fmt.Sprint(hash[0]))
				case "clear":
					if have != "none" {
						return d.put("cleared", "buffer", fmt.Sprint(hash[0]))
					}
					return "ok"
				}
				if have == "none" {
					return "none"
				}
				return d.get("bufferat", fmt.Sprint(hash[0])) + strings.Replace(have, "cleared", "none", 1)
			}}
		},
		func(g gen) op {
			chat, id, v := g.jid(), g.pick(messageID, "id"), g.value()
			return op{"AddOutgoingEvent", func(ctx context.Context, d *wmstore.Device) string {
				return result(d.EventBuffer.AddOutgoingEvent(ctx, chat, id, "wa", []byte(v)), "ok")
			}, func(d dev) string { return d.put("wa"+v, "outgoing", chat.String(), id) }}
		},
		func(g gen) op {
			chat, alt, id := g.jid(), g.jid(), g.pick(messageID, "id")
			return op{"GetOutgoingEvent", func(ctx context.Context, d *wmstore.Device) string {
				format, got, err := d.EventBuffer.GetOutgoingEvent(ctx, chat, alt, id)
				return result(err, format+string(got))
			}, func(d dev) string {
				if v := d.get("outgoing", chat.String(), id); v != "none" {
					return v
				}
				return d.get("outgoing", alt.String(), id)
			}}
		},
	}
}

// run is one random history on three devices.
type run struct {
	gen
	e       *env
	m       *model
	jids    []types.JID
	devices []*wmstore.Device
}

func (r *run) one(ctx context.Context, i int) {
	o := rapid.SampledFrom(ops).Draw(r.T, "op")(r.gen)
	got := o.real(ctx, r.devices[i])
	if want := o.want(dev{r.m, r.name(i)}); got != want {
		r.Fatalf("%s on device %d = %.60q, want %.60q", o.name, i, got, want)
	}
}

func (r *run) name(i int) string { return fmt.Sprint(r.jids[i]) }

func (r *run) txn(i int) {
	before := r.m.clone()
	end := r.pick([]string{"commit", "error", "panic", "cancel", "finish in nested"}, "end")
	fails := errors.New("fails")
	txnCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	func() {
		defer func() {
			if p := recover(); p != nil && p != any("panic of fn") {
				panic(p) // rapid's own
			}
		}()
		err = r.devices[i].EventBuffer.DoDecryptionTxn(txnCtx, func(tx context.Context) error {
			for range r.number(6, "steps") {
				r.one(tx, i)
			}
			switch end {
			case "error":
				return fails
			case "panic":
				panic("panic of fn")
			case "cancel":
				cancel()
			case "finish in nested":
				return r.devices[i].EventBuffer.DoDecryptionTxn(tx, func(tx context.Context) error {
					r.one(tx, i)
					return nil
				})
			}
			return nil
		})
	}()
	switch end {
	case "error":
		r.e.is(err, fails)
	case "cancel":
		r.e.is(err, context.Canceled)
	default:
		r.e.ok(err)
		if end != "panic" {
			return
		}
	}
	r.m = before
}

func (r *run) reopen() {
	r.e.reopen()
	clear(r.m.migrated)
	for i, jid := range r.jids {
		if d, err := r.e.c.Device(ctx, jid); err == nil {
			r.devices[i] = d
		} else {
			// A Device of before would use the closed file.
			r.replace(i)
		}
	}
}

// replace pairs the phone again: a new device number, nothing of the old one.
func (r *run) replace(i int) {
	r.jids[i].Device++
	r.devices[i] = r.e.pair(r.jids[i])
}

func (r *run) erase(i int) {
	r.e.ok(r.e.c.Erase(ctx, r.jids[i]))
	r.m.gone[r.name(i)] = true
	for key := range r.m.rows {
		if strings.HasPrefix(key, r.name(i)+"|") {
			delete(r.m.rows, key)
		}
	}
}

func TestRandomHistoriesMatchTheModel(t *testing.T) {
	t.Parallel()
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		e := openEnv(rt, filepath.Join(dir, fmt.Sprint(n)))
		defer func() { _ = e.db.Close() }()
		r := &run{gen: gen{rt}, e: e, m: &model{map[string]string{}, map[string]string{}, map[string]string{}, map[string]bool{}, map[string]bool{}, e.clock.now()}}
		for _, user := range []string{"777", "7771", "77"} {
			r.jids = append(r.jids, ourJID(user, 1))
			r.devices = append(r.devices, e.pair(ourJID(user, 1)))
		}
		for range rapid.IntRange(1, 60).Draw(rt, "length") {
			i := r.number(2, "device")
			switch r.number(40, "step") {
			case 0:
				r.reopen()
			case 1:
				r.erase(i)
			case 2:
				r.replace(i)
			case 3:
				e.clock.advance(13 * time.Hour)
				r.m.now = e.clock.now()
			case 4:
				_, err := e.c.Sweep(ctx, 1+r.number(5, "keys"))
				e.ok(err)
			case 5, 6, 7, 8, 9, 10, 11, 12:
				r.txn(i)
			default:
				r.one(ctx, i)
			}
		}
		e.ok(e.c.Close())
	})
}
