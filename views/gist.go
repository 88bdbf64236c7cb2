package views

import (
	"encoding/json"
	"fmt"
	"strings"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

// gist is what a line of the log says of an event beside its type. It holds no
// text that somebody wrote and no whole number: the list is for everybody.
type gist struct {
	Direction string // "in" from WhatsApp, "out" sent from the account, "" for neither
	Words     string // of the contract, such as "open 200"
	Who       string // with a masked number
	Count     int    // of the items of a list
	Waiting   bool   // for a message that could not be read yet
}

// gistOf reads a recorded event.
func gistOf(ev event.Event) gist {
	var body struct{ Data json.RawMessage }
	if json.Unmarshal(ev.Body, &body) != nil {
		return gist{}
	}
	if strings.HasPrefix(strings.TrimSpace(string(body.Data)), "[") {
		return gistOfList(body.Data)
	}
	var d struct {
		KeyRemoteJID     string
		KeyFromMe        *bool
		ContentType      string
		Status, Reason   string
		State            string
		StatusReason     int
		ID, Action       string
		Participants     json.RawMessage
		Presences        struct{ Type string }
		MessageTimestamp int64
	}
	if json.Unmarshal(body.Data, &d) != nil {
		return gist{}
	}
	g := gist{Who: masked(d.KeyRemoteJID)}
	if g.Who == "" {
		g.Who = masked(d.ID)
	}
	if d.KeyFromMe != nil {
		g.Direction = "in"
		if *d.KeyFromMe {
			g.Direction = "out"
		}
	}
	if d.Reason == event.ReasonUndecryptable {
		g.Waiting = true
		return g
	}
	words := []string{d.ContentType, d.Status, d.State, d.Action, d.Presences.Type}
	if d.StatusReason != 0 {
		words = append(words, fmt.Sprint(d.StatusReason))
	}
	g.Words = strings.Join(strings.Fields(strings.Join(words, " ")), " ")
	return g
}

func gistOfList(raw json.RawMessage) gist {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil || len(items) == 0 {
		return gist{}
	}
	g := gist{Count: len(items)}
	if len(items) > 1 {
		return g
	}
	var one struct{ RemoteJID, KeyRemoteJID string }
	if json.Unmarshal(items[0], &one) == nil {
		g.Who = masked(one.RemoteJID + one.KeyRemoteJID)
	} else if text := ""; json.Unmarshal(items[0], &text) == nil {
		g.Who = masked(text)
	}
	return g
}

// masked shows the ends of a number alone. What is no address of WhatsApp is
// not shown at all.
func masked(jid string) string {
	digits, server, ok := strings.Cut(jid, "@")
	digits, _, _ = strings.Cut(digits, ":")
	if !ok || server == "" || len(digits) < 6 || strings.Trim(digits, "0123456789-") != "" {
		return ""
	}
	return digits[:2] + "••••" + digits[len(digits)-3:]
}

// outcomeBadge is a count of an event's deliveries with its tone and word.
type outcomeBadge struct {
	Tone, Key string
	N         int
}

// outcomeBadges are the counts that are not zero.
func outcomeBadges(o webhook.Outcome) []outcomeBadge {
	var badges []outcomeBadge
	for _, b := range []outcomeBadge{
		{"ok", "events.outcome.delivered", o.Delivered}, {"wait", "events.outcome.waiting", o.Waiting},
		{"warn", "events.outcome.failing", o.Failing}, {"bad", "events.outcome.dead", o.Dead},
		{"idle", "events.outcome.dropped", o.Dropped},
	} {
		if b.N > 0 {
			badges = append(badges, b)
		}
	}
	return badges
}
