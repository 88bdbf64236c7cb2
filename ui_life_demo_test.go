package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// Every button of the demo's phone page does what it says: each that has a
// state leads there, and one button makes everything well again.
func TestDemoProvokesEveryState(t *testing.T) {
	enter, phones, _ := startDemo(t)
	o := newOperator(t, "")
	p := o.get(enter)
	o.home = p.URL.Scheme + "://" + p.URL.Host
	id := strings.TrimPrefix(p.Find("#rows tbody a").First().AttrOr("href", ""), "/instances/")
	phone := &operator{t: t, home: strings.TrimSuffix(phones, "/phone"), http: o.http}
	press := func(what string) {
		t.Helper()
		form := url.Values{"number": {"5511987650001"}, "what": {what}}
		if p := phone.submit(phone.get("/phone"), "/phone/act", form); p.Find(".note.bad").Length() > 0 {
			t.Errorf("%s: %s", what, p.Find(".note").Text())
		}
	}
	heal := func() {
		t.Helper()
		phone.submit(phone.get("/phone"), "/phone/heal", nil)
	}
	link := func() {
		t.Helper()
		o.code(id)
		phone.submit(phone.get("/phone"), "/phone/scan", url.Values{"number": {"5511987650001"}})
		o.untilPhase(id, "connected")
	}
	link()
	for _, what := range []string{
		"flood", "group", "picture", "history", "read", "typing", "call", "once", "garbled", "identity", "contact", "rename", "lock",
		"unlock", "silent", "passkey_off", "refresh", "spoil", "code_fails",
	} {
		press(what)
	}
	heal()
	o.untilPhase(id, "connected") // none of them harmed the connection
	for _, step := range []struct{ what, phase string }{
		{"ban", "banned"}, {"conflict", "replaced"}, {"primary", "logged_out"},
	} {
		press(step.what)
		o.untilPhase(id, step.phase)
		heal()
		if step.phase == "logged_out" {
			break
		}
		o.post("/instances/"+id+"/off", url.Values{})
		o.post("/instances/"+id+"/on", url.Values{})
		o.untilPhase(id, "connected")
	}
	offered := phone.get("/phone").Find("[name=what]").Map(func(_ int, b *goquery.Selection) string {
		if strings.HasPrefix(b.Text(), "demo.") {
			t.Errorf("a button without words: %s", b.Text())
		}
		return b.AttrOr("value", "")
	})
	if len(offered) < 30 {
		t.Errorf("%d buttons", len(offered))
	}

	// The passkey, as a person goes through it with both pages open.
	press("passkey")
	o.code(id)
	phone.submit(phone.get("/phone"), "/phone/scan", url.Values{"number": {"5511987650001"}})
	request := o.untilPhase(id, "passkey").Find("#passkey-request").Text()
	answer := phone.submit(phone.get("/phone"), "/phone/passkey", url.Values{"number": {"5511987650001"}, "request": {request}}).
		Find("#answer").Text()
	o.submit(o.get("/instances/"+id), "/instances/"+id+"/passkey", url.Values{"answer": {answer}})
	o.untilPhase(id, "connected")
}
