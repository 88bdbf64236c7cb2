package locale

import (
	"strconv"
	"time"

	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// Number writes a whole number with the separators of the language.
func (p *Printer) Number(n int) string {
	if n >= 0 && n < 1000 {
		return strconv.Itoa(n)
	}
	return message.NewPrinter(p.tag).Sprint(number.Decimal(n))
}

// Time writes a moment as "12 Nov 10:31 UTC" in the way of the language, with
// the year when it is not that of now. Browsers put it into their own zone;
// the zone is named for those that do not.
func (p *Printer) Time(t, now time.Time) string {
	t = t.UTC()
	key := "time.short"
	if t.Year() != now.UTC().Year() {
		key = "time.long"
	}
	return p.T(key, "d", t.Day(), "mon", p.T("month."+strconv.Itoa(int(t.Month()))), "y", t.Year(), "clock", t.Format("15:04"))
}

// Ago writes how long something is past; a span below some seconds, and one in
// the future, is "now".
func (p *Printer) Ago(d time.Duration) string {
	keys := agoKeys()
	switch {
	case d < 5*time.Second:
		return p.T(keys[0])
	case d < time.Minute:
		return p.T(keys[1], "n", int(d.Seconds()))
	case d < time.Hour:
		return p.T(keys[2], "n", int(d.Minutes()))
	case d < 24*time.Hour:
		return p.T(keys[3], "n", int(d.Hours()))
	default:
		return p.T(keys[4], "n", int(d.Hours()/24))
	}
}

// AgoPatterns are the texts of Ago with their placeholders, from "now" to
// days.
func (p *Printer) AgoPatterns() []string {
	keys := agoKeys()
	texts := make([]string, 0, len(keys))
	for _, key := range keys {
		texts = append(texts, p.T(key))
	}
	return texts
}

func agoKeys() [5]string {
	return [5]string{"ago.now", "ago.seconds", "ago.minutes", "ago.hours", "ago.days"}
}
