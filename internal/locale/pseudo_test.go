package locale

import (
	"slices"
	"testing"
)

func TestPseudo(t *testing.T) {
	p, err := Pseudo()
	if err != nil {
		t.Fatal(err)
	}
	if p.Lang() != PseudoTag || Supported(PseudoTag) {
		t.Errorf("the pseudo-locale calls itself %s", p.Lang())
	}
	for key, text := range catalogue(t, Fallback) {
		got := p.T(key)
		if got == text || !slices.Equal(placeholders(got), placeholders(text)) {
			t.Errorf("%s: %q became %q", key, text, got)
		}
		// What stands in a placeholder does not grow.
		before, after := len([]rune(placeholder.ReplaceAllString(text, ""))), len([]rune(placeholder.ReplaceAllString(got, "")))
		if before > 4 && after < before*14/10 {
			t.Errorf("%s: %q is not 40 %% longer", key, got)
		}
	}
}
