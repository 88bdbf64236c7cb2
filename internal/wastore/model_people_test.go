package wastore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

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
