package wastore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	wmstore "go.mau.fi/whatsmeow/store"
)

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
