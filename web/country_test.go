package web_test

import (
	"net/url"
	"testing"

	"pombal/internal/instance"
	"pombal/web/webtest"
)

// The country of the pairing code is guessed from the browser's region, the
// language, and what was used last; nobody is taken for an Argentinian because
// that is first in the menu.
func TestCountryOfThePairingCode(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	k.Instances.Put(instance.Instance{ID: "i5", Name: "third"})
	c := k.SignedIn()
	chosen := func(accept, lang string) string {
		t.Helper()
		headers := []string{"Accept-Language: " + accept}
		c.Post("/language", url.Values{"lang": {lang}}).Want(303)
		return c.Get("/instances/i2", headers...).Want(200, "#country").Doc().Find("#country option[selected]").AttrOr("value", "none")
	}
	for _, try := range []struct{ accept, lang, want string }{
		{"en", "en", ""}, {"", "es", ""}, {"en-US,en;q=0.9", "en", "1"}, {"en-GB,en;q=0.9", "en", "44"},
		{"es-CO,es;q=0.9,en-US;q=0.8", "es", "57"}, {"en-US,en", "pt-BR", "55"}, {"pt-PT,pt", "pt-BR", "351"},
		{"en-US,hi;q=0.5", "hi", "91"}, {"de-AT,pt-BR;q=0.5", "en", "55"}, {"nonsense;;q=x", "en", ""},
	} {
		if got := chosen(try.accept, try.lang); got != try.want {
			t.Errorf("%q in %s chooses %q, want %q", try.accept, try.lang, got, try.want)
		}
	}
	at := "/instances/i2/pair-code"
	c.Post(at, url.Values{"country": {""}, "phone": {"11 98765-0001"}}).Want(422, "#phone[aria-invalid]")
	c.Post(at, url.Values{"country": {""}, "phone": {"+55 11 98765-0001"}}).Want(303)
	c.Post(at, url.Values{"country": {"351"}, "phone": {"912 345 678"}}).Want(303)
	if got := c.Get("/instances/i5").Doc().Find("#country option[selected]").AttrOr("value", "none"); got != "351" {
		t.Errorf("after one for Portugal it chooses %q", got)
	}
}
