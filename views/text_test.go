package views

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"pombal/internal/instance"
)

var (
	placeholder = regexp.MustCompile(`\{[a-z]+\}`)
	keyLike     = regexp.MustCompile(`^[a-z_]+(\.[a-zA-Z_]+)+$`)
)

func TestTook(t *testing.T) {
	for tag, want := range map[string][]string{
		"en":    {"less than 1 ms", "1 ms", "999 ms", "1.2 s", "30 s", "2 min 5 s"},
		"pt-BR": {"menos de 1 ms", "1 ms", "999 ms", "1,2 s", "30 s", "2 min 5 s"},
	} {
		p, err := storyPage(tag, "light")
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range []time.Duration{
			720 * time.Microsecond, 1900 * time.Microsecond, 999900 * time.Microsecond, 1290 * time.Millisecond, 30 * time.Second, 125 * time.Second,
		} {
			if got := p.took(d); got != want[i] {
				t.Errorf("%s: %s is %q, want %q", tag, d, got, want[i])
			}
		}
	}
}

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
	whole := ListChoice{Filter: "all", Sort: "name", Per: 25, Page: 1}
	for want, c := range map[string]ListChoice{
		"/instances":                           whole,
		"/instances?status=off":                whole.with("off"),
		"/instances?q=a%26b%3D%3C":             {Query: "a&b=<"},
		"/instances?sort=-name":                whole.sorted("name"),
		"/instances?sort=last":                 whole.at(4).sorted("last"),
		"/instances?page=3&sort=status&tag=br": {Tag: "br", Sort: "status", Page: 3, Per: 25},
		"/instances?per=100":                   whole.at(2).per(100),
	} {
		if got := c.URL(); got != want {
			t.Errorf("the address of %+v is %q, want %q", c, got, want)
		}
	}
}

func TestPagerNumbers(t *testing.T) {
	p := InstancesPage{Found: 412, ListChoice: ListChoice{Per: 25, Page: 8}}
	if got := p.numbers(); !slices.Equal(got, []int{1, 0, 7, 8, 9, 0, 17}) {
		t.Errorf("the pager names %v", got)
	}
	p.ListChoice.Page = 1
	if got := p.numbers(); !slices.Equal(got, []int{1, 2, 0, 17}) {
		t.Errorf("the pager names %v on page 1", got)
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
