package web

import (
	"time"
)

// clockForm is a way to write a date and time, and the unit that it ends in.
type clockForm struct {
	layout string
	unit   time.Duration
}

// clockForms are what browsers make of a date and time that is typed; the first
// is what we write.
func clockForms() []clockForm {
	return []clockForm{{"2006-01-02T15:04:05", time.Second}, {"2006-01-02T15:04", time.Minute}}
}

// readClock reads a time that was typed in a zone, UTC where it is nil, and says
// in which form.
func readClock(text string, zone *time.Location) (t time.Time, form clockForm, ok bool) {
	if zone == nil {
		zone = time.UTC
	}
	for _, form := range clockForms() {
		if t, err := time.ParseInLocation(form.layout, text, zone); err == nil {
			return t, form, true
		}
	}
	return time.Time{}, clockForm{}, false
}

// parseClock reads a time that was typed in a zone; UTC where it is nil.
func parseClock(text string, zone *time.Location) (time.Time, bool) {
	t, _, ok := readClock(text, zone)
	return t, ok
}

// parseClockEnd reads a time that was typed as the end of a span: the last moment
// of the second or minute that it names, since that one is meant as well.
func parseClockEnd(text string, zone *time.Location) (time.Time, bool) {
	t, form, ok := readClock(text, zone)
	if !ok {
		return time.Time{}, false
	}
	// Programs may write parts of a second.
	return t.Truncate(time.Second).Add(form.unit - time.Nanosecond), true
}

// formatClock writes a time as parseClock reads it.
func formatClock(t time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format(clockForms()[0].layout)
}

// clockZone is the zone of the times of a form: the one that it names, else the
// one that the user chose; "" and nil, which means UTC, without either.
func clockZone(r *request, named string) (string, *time.Location) {
	if zone := location(named); zone != nil {
		return named, zone
	}
	name := zoneOf(r)
	return name, location(name)
}

// typedClock is a time as it was typed; "" for what is none.
func typedClock(text string) string {
	if _, ok := parseClock(text, nil); !ok {
		return ""
	}
	return text
}
