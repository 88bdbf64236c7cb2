package main

import (
	"strings"
	"testing"
	"time"
)

// From the demo's printed link to a verified, signed delivery on the screen: the
// steps that a person takes, on a machine that reaches nothing but itself. What
// asks for another host fails the browser's test.
func TestUIDemoToAVerifiedDelivery(t *testing.T) {
	enter, _, _ := startDemo(t)
	b := startBrowser(t, "")
	began, clicks := time.Now(), 0
	follow := func(css string) {
		t.Helper()
		b.see(css)
		b.follow(css)
		clicks++
	}
	b.open(enter) // the link in the terminal
	clicks++
	b.home = strings.TrimSuffix(eval[string](b, `location.href`), "/instances")
	follow("#rows tbody th a")
	follow(`.tabs a[href$="/webhooks"]`)
	follow("#catch-open")
	follow("#catch-add")
	b.see("#try-go")
	b.click("#try-go")
	clicks++
	b.see("#try-result .badge.ok")
	b.shot("demo-try")
	id, _, _ := strings.Cut(strings.TrimPrefix(b.path(), "/instances/"), "/")
	b.open("/instances/" + id + "/catch")
	clicks++ // the browser's button back
	b.see("#caught .badge.ok")
	took := time.Since(began)
	// Above it may be what the instance told by itself meanwhile.
	if !eval[bool](b, `[...document.querySelectorAll("#caught tbody tr")].some(r => r.innerText.includes("Signature verified") && r.innerText.includes("messages.upsert"))`) {
		t.Errorf("the catcher says %q", b.text("#caught"))
	}
	b.shot("demo-caught")
	// A person needs some seconds to find each thing to click.
	const each = 5 * time.Second
	t.Logf("%d clicks, %s of the machine's time: about %s of a person's", clicks, took.Round(time.Millisecond), (took + time.Duration(clicks)*each).Round(time.Second))
	if clicks > 8 {
		t.Errorf("%d clicks", clicks)
	}
	b.quiet()
}
