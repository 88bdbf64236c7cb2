package main

import (
	"net/url"
	"strings"
	"testing"
)

// The demo's guided tour, walked as it says and without scripts: each step's own
// link leads to where it happens, and what was done ticks it.
func TestDemoTour(t *testing.T) {
	enter, phones, _ := startDemo(t)
	o := newOperator(t, "")
	p := o.get(enter)
	o.home = p.URL.Scheme + "://" + p.URL.Host
	phone := &operator{t: t, home: strings.TrimSuffix(phones, "/phone"), http: o.http}
	// next waits until a step is the first that is not ticked, and gives its link.
	next := func(step string) (to string) {
		t.Helper()
		o.until("the step "+step, func() bool {
			p = o.get("/instances")
			to = p.Find("#tour-go").AttrOr("href", "")
			return p.Find("#tour-steps li:not(.done)").First().AttrOr("data-step", "") == step
		})
		return to
	}
	p = o.submit(o.get(next("create")), "/instances/new", url.Values{"name": {"Mine"}})
	at := p.URL.Path
	if to := next("scan"); to != phones {
		t.Errorf("the code is to be scanned on %s", to)
	}
	form := url.Values{"number": {"5521998880002"}, "instance": {strings.TrimPrefix(at, "/instances/")}}
	phone.submit(phone.get("/phone"), "/phone/scan", form)
	o.submit(o.get(next("webhook")), at+"/catch/webhook", nil) // it is connected meanwhile
	hook := next("toggle")
	page := o.get(hook)
	events := formValues(page.Find("#webhook-form"))["events"]
	o.submit(page, hook, url.Values{"events": events[1:]})
	to := next("message")
	o.submit(o.get(to), to, nil)
	to = next("logout") // the call that brought the message has arrived
	if deliveries := o.get(p.Find("#tour-delivery").AttrOr("href", "")); !strings.Contains(deliveries.Text(), "sendMessage") {
		t.Errorf("the deliveries say %q", deliveries.says())
	}
	o.submit(o.get(to), to, nil)
	o.until("the end of the tour", func() bool { return o.get("/instances").Find("#tour-steps li:not(.done)").Length() == 0 })

	// Left, it is on no page; taken up again, it stands where it stood.
	if p = o.submit(o.get("/settings/about"), "/tour", nil); p.Find(".tour").Length() > 0 || p.URL.Path != "/settings/about" {
		t.Error("the tour stays")
	}
	if p = o.submit(o.get(at), "/tour", nil); p.Find("#tour-steps .done").Length() != 8 {
		t.Errorf("taken up again it says %q", p.Find(".tour").Text())
	}
}

// Outside the demo there is no tour.
func TestNoTourOutsideTheDemo(t *testing.T) {
	o := newOperator(t, startGateway(t, settings(t, t.TempDir(), startNetwork(t)), ownerEnv()).Home)
	o.logIn()
	if p := o.get("/tour/now"); p.Status != 404 {
		t.Errorf("the tour answers %d", p.Status)
	}
	if p := o.get("/instances"); p.Find(".tour, form[action='/tour']").Length() > 0 {
		t.Error("the tour is on a page")
	}
}
