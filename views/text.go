package views

import (
	"fmt"
	"strings"
	"time"

	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// stamp is the machine's form of a time.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// stamp is the same for lists, whose every byte counts a hundred times: of what
// is hours ago nobody asks for the second.
func (p Page) stamp(t time.Time) string {
	if p.Now.Sub(t) < time.Hour {
		return stamp(t)
	}
	return t.UTC().Format("2006-01-02T15:04Z07:00")
}

// recent says whether a time is near enough to be told as "5 min ago".
func recent(t, now time.Time) bool {
	d := now.Sub(t)
	return d > -time.Hour && d < 7*24*time.Hour
}

// ago tells a time relative to now, or absolutely when it is long past.
func (p Page) ago(t time.Time) string {
	if !recent(t, p.Now) {
		return p.T.Time(t, p.Now)
	}
	return p.T.Ago(p.Now.Sub(t))
}

// millis is a span for a data attribute, never negative.
func millis(d time.Duration) int64 { return max(0, d.Milliseconds()) }

// seconds is a span in started seconds, never negative.
func seconds(d time.Duration) int {
	return int(max(0, (d+time.Second-1)/time.Second))
}

// clockText is a span as h:mm:ss or m:ss, in started seconds, never negative.
func clockText(d time.Duration) string {
	s := seconds(d)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// around cuts a text at a placeholder that was filled with the mark, so that
// an element can stand in its place.
func around(text string) (before, after string) {
	before, after, _ = strings.Cut(text, mark)
	return before, after
}

// mark stands in for a value that is an element. It is a character that no
// text contains.
const mark = "\uFFFC"

// phone groups a phone number of digits as people write it: by country where
// the grouping is sure, in threes otherwise.
func phone(digits string) string {
	switch {
	case digits == "":
		return ""
	case strings.HasPrefix(digits, "55") && len(digits) == 13:
		return "+55 " + digits[2:4] + " " + digits[4:9] + "-" + digits[9:]
	case strings.HasPrefix(digits, "55") && len(digits) == 12:
		return "+55 " + digits[2:4] + " " + digits[4:8] + "-" + digits[8:]
	case strings.HasPrefix(digits, "91") && len(digits) == 12:
		return "+91 " + digits[2:7] + " " + digits[7:]
	case strings.HasPrefix(digits, "1") && len(digits) == 11:
		return "+1 " + digits[1:4] + " " + digits[4:7] + " " + digits[7:]
	}
	return "+" + thrice(digits)
}

// thrice groups digits in threes from the left; a single last digit joins the
// group before it.
func thrice(digits string) string {
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && i%3 == 0 && i < len(digits)-1 {
			b.WriteByte(' ')
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// number is the grouped phone number of a linked account, "" without one.
func number(wa *instance.WhatsApp) string {
	if wa == nil {
		return ""
	}
	user, _, _ := strings.Cut(wa.JID, "@")
	user, _, _ = strings.Cut(user, ":")
	if user == "" || strings.Trim(user, "0123456789") != "" {
		return user
	}
	return phone(user)
}

// OwnNumber is the number of a linked instance as people write it.
func OwnNumber(in instance.Instance) string { return number(in.WhatsApp) }

// account is the line under an instance's name in the list. It does not say
// the same name again.
func account(p Page, in instance.Instance) string {
	n := number(in.WhatsApp)
	switch {
	case n == "":
		return p.T.T("instance.not_linked")
	case in.WhatsApp.PushName == "", in.WhatsApp.PushName == in.Name:
		return n
	default:
		return n + " · " + in.WhatsApp.PushName
	}
}

// platform is how people write what WhatsApp calls the system of a phone; smba
// and smbi are WhatsApp Business.
func platform(name string) string {
	switch name {
	case "android":
		return "Android"
	case "iphone":
		return "iPhone"
	case "smba":
		return "Android, WhatsApp Business"
	case "smbi":
		return "iPhone, WhatsApp Business"
	default:
		return name
	}
}

// took is how long something lasted, as exactly as anybody cares to know.
func (p Page) took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return p.T.T("took.below")
	case d < time.Second:
		return p.T.T("took.millis", "n", int(d.Milliseconds()))
	case d < time.Minute:
		return p.T.T("took.seconds", "n", p.T.Tenths(d.Seconds()))
	default:
		return p.T.T("took.minutes", "m", int(d.Minutes()), "s", int(d.Seconds())%60)
	}
}

// outcome is how a delivery looks in the table: a tone and a catalogue key.
func outcome(d webhook.Delivery) (tone, key string) {
	switch {
	case d.Status == webhook.StatusDelivered:
		return "ok", "delivery.delivered"
	case d.Status == webhook.StatusDead:
		return "bad", "delivery.dead"
	case d.Status == webhook.StatusDropped:
		return "idle", "delivery.dropped"
	case d.Attempts > 0:
		return "warn", "delivery.failing"
	default:
		return "info", "delivery.pending"
	}
}

// host is the part of an address that people recognise it by, and the rest.
func host(rawURL string) (head, name, tail string) {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return "", rawURL, ""
	}
	name, tail, found := strings.Cut(rest, "/")
	if found {
		tail = "/" + tail
	}
	return scheme + "://", name, tail
}

// title is the text of the title element: how many instances need an operator
// comes first, so that it is read on a narrow tab.
func (p Page) title(text string) string {
	if p.Attention > 0 {
		text = "(!" + p.T.Number(p.Attention) + ") " + text
	}
	return text + " · Pombal"
}

// failure says in words why a receiver gave no answer. The word comes from the
// dispatcher; one that no catalogue knows is shown as it is.
func (p Page) failure(word string) string {
	if key := "delivery.failure." + word; p.T.Has(key) {
		return p.T.T(key)
	}
	return word
}
