package web

import (
	"testing"
	"time"
)

// The end of a span takes in the whole second or minute that was typed: what is
// shown with that time is meant as well.
func TestParseClockEnd(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("IST", 5*3600+1800)
	for text, want := range map[string]time.Time{
		"2026-11-22T14:03:18":    time.Date(2026, 11, 22, 8, 33, 18, 999_999_999, time.UTC),
		"2026-11-22T14:03:18.25": time.Date(2026, 11, 22, 8, 33, 18, 999_999_999, time.UTC),
		"2026-11-22T14:03":       time.Date(2026, 11, 22, 8, 33, 59, 999_999_999, time.UTC),
	} {
		if got, ok := parseClockEnd(text, zone); !ok || !got.Equal(want) {
			t.Errorf("%s ends at %s (%t), want %s", text, got.UTC(), ok, want)
		}
	}
	if _, ok := parseClockEnd("tomorrow", nil); ok {
		t.Error("a word was taken for a time")
	}
}
