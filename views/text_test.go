package views

import (
	"regexp"
	"testing"
	"time"

	"pombal/internal/instance"
)

var (
	placeholder = regexp.MustCompile(`\{[a-z]+\}`)
	keyLike     = regexp.MustCompile(`^[a-z_]+(\.[a-zA-Z_]+)+$`)
)

func TestPhone(t *testing.T) {
	for digits, want := range map[string]string{
		"":              "",
		"5511987650001": "+55 11 98765-0001",
		"551187650001":  "+55 11 8765-0001",
		"919876543210":  "+91 98765 43210",
		"12025550100":   "+1 202 555 0100",
		"34600123456":   "+346 001 234 56",
		"4912345678":    "+491 234 5678",
	} {
		if got := phone(digits); got != want {
			t.Errorf("phone(%q) = %q, want %q", digits, got, want)
		}
	}
}

func TestNumberWithoutPhone(t *testing.T) {
	for jid, want := range map[string]string{
		"5511987650001:12@s.whatsapp.net": "+55 11 98765-0001",
		"abc@lid":                         "abc",
		"":                                "",
	} {
		if got := number(&instance.WhatsApp{JID: jid}); got != want {
			t.Errorf("number(%q) = %q, want %q", jid, got, want)
		}
	}
	if got := number(nil); got != "" {
		t.Errorf("number(nil) = %q", got)
	}
}

func TestSelector(t *testing.T) {
	for id, want := range map[string]string{"pair-a1_b": "#pair-a1_b", "pair-a.b:c": `#pair-a\2e b\3a c`} {
		if got := selector(id); got != want {
			t.Errorf("selector(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]int{-time.Second: 0, 0: 0, time.Millisecond: 1, 13 * time.Second: 13, 13*time.Second + 1: 14} {
		if got := seconds(d); got != want {
			t.Errorf("seconds(%v) = %d, want %d", d, got, want)
		}
	}
}

func TestListURL(t *testing.T) {
	for _, tt := range []struct{ filter, query, want string }{
		{"all", "", "/instances"},
		{"off", "", "/instances?status=off"},
		{"", "a&b=<", "/instances?q=a%26b%3D%3C"},
	} {
		if got := listURL(tt.filter, tt.query); got != tt.want {
			t.Errorf("listURL(%q, %q) = %q, want %q", tt.filter, tt.query, got, tt.want)
		}
	}
}

// TestEveryPhaseHasAnEnd: a phase in which nothing goes on by itself and which
// is not simply connected offers a step, so that nobody is left without one.
func TestEveryPhaseHasAnEnd(t *testing.T) {
	for _, phase := range instance.Phases() {
		in := storyInstance(phase, instance.ReasonNone)
		p := InstancePanel{Instance: in}
		if needsPanel(in) && !p.busy() && nextStep(in) == nil {
			t.Errorf("%s leaves people without a step", phase)
		}
	}
}
