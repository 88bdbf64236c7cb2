package wastore_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
)

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
