package locale

import (
	"math"
	"strconv"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// Number writes a whole number with the separators of the language.
func (p *Printer) Number(n int) string {
	if from := p.groupFrom(); -from < n && n < from {
		return strconv.Itoa(n)
	}
	return message.NewPrinter(p.tag).Sprint(number.Decimal(n))
}

// groupFrom is the first number that is written in groups. Spanish leaves four
// digits together: CLDR's minimumGroupingDigits, which the library passes over.
func (p *Printer) groupFrom() int {
	if p.tag == language.Spanish {
		return 10_000
	}
	return 1000
}

// Decimal writes a number that is measured: with one place behind the point
// while it is below 10, whole from there on.
func (p *Printer) Decimal(v float64) string {
	places := 0
	if math.Abs(v) < 10 {
		places = 1
	}
	return message.NewPrinter(p.tag).Sprint(number.Decimal(v, number.MaxFractionDigits(places)))
}

// Tenths writes a number with at most one place behind the point. It is rounded
// down.
func (p *Printer) Tenths(n float64) string {
	return message.NewPrinter(p.tag).Sprint(number.Decimal(math.Floor(n*10)/10, number.MaxFractionDigits(1)))
}

// Percent writes a share with one place behind the point. It is rounded down:
// what is not whole is not shown as 100 %.
func (p *Printer) Percent(share float64) string {
	share = math.Floor(share*1000) / 1000
	return message.NewPrinter(p.tag).Sprint(number.Percent(share, number.MaxFractionDigits(1)))
}

// In gives a Printer that writes times in a zone.
func (p *Printer) In(zone *time.Location) *Printer {
	q := *p
	q.zone = zone
	return &q
}

// Zone is the zone of the times that are written, UTC unless In named one.
func (p *Printer) Zone() *time.Location {
	if p.zone == nil {
		return time.UTC
	}
	return p.zone
}

// Zoned says whether In named the zone.
func (p *Printer) Zoned() bool { return p.zone != nil }

// Time writes a moment as "12 Nov, 10:31 UTC" in the way of the language, with
// the year when it is not that of now. Where nobody chose a zone, browsers put
// it into their own; it is named for those that do not.
func (p *Printer) Time(t, now time.Time) string {
	t = t.In(p.Zone())
	key := "time.short"
	if t.Year() != now.In(p.Zone()).Year() {
		key = "time.long"
	}
	return p.T(key, "d", t.Day(), "mon", p.T("month."+strconv.Itoa(int(t.Month()))), "y", t.Year(),
		"clock", t.Format("15:04"), "zone", t.Format("MST"))
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
