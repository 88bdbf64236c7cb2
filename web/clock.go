package web

import (
	"time"
)

// clockForms are what browsers make of a date and time that is typed.
func clockForms() []string { return []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} }

// parseClock reads a time that was typed in a zone; UTC where it is nil.
func parseClock(text string, zone *time.Location) (time.Time, bool) {
	if zone == nil {
		zone = time.UTC
	}
	for _, form := range clockForms() {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parseClockEnd reads a time that was typed as the end of a span: the last moment
// of the second or minute that it names, since that one is meant as well.
func parseClockEnd(text string, zone *time.Location) (time.Time, bool) {
	t, ok := parseClock(text, zone)
	if !ok {
		return t, false
	}
	unit := time.Second
	if len(text) == len(clockForms()[1]) {
		unit = time.Minute
	}
	return t.Add(unit - time.Nanosecond), true
}

// formatClock writes a time as parseClock reads it.
func formatClock(t time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format(clockForms()[0])
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
