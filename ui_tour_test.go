package main

import (
	"net/url"
	"strings"
	"testing"
)

// The demo's guided tour, walked as it says: each step's own link leads to where
// it happens, and what was done ticks it, on the open page where that can be.
func TestUIDemoTour(t *testing.T) {
	enter, phones, _ := startDemo(t)
	b := startBrowser(t, "")
	b.open(enter)
	b.home = strings.TrimSuffix(eval[string](b, `location.href`), "/instances")
	phone := &operator{t: t, home: strings.TrimSuffix(phones, "/phone"), http: newOperator(t, "").http}
	next := func(step string) {
		t.Helper()
		b.until(`document.querySelector("#tour-steps li:not(.done)")?.dataset.step === "` + step + `"`)
	}
	goOn := func(step string) {
		t.Helper()
		next(step)
		b.follow("#tour-go")
	}
	goOn("create")
	b.fill("#instance-new [name=name]", "Mine")
	b.follow("#instance-new button[type=submit]")
	id := strings.TrimPrefix(b.path(), "/instances/")
	next("scan")
	if to := b.attribute("#tour-go", "href"); to != phones {
		t.Errorf("the code is to be scanned on %s", to)
	}
	phone.submit(phone.get("/phone"), "/phone/scan", url.Values{"number": {"5521998880002"}, "instance": {id}})
	goOn("webhook") // it has connected meanwhile, on the open page
	b.follow("#catch-add")
	b.click("#tour-all")
	goOn("toggle")
	b.click("#ev-presenceUpdate")
	b.click("#webhook-save")
	b.see(".toast")
	b.open("/instances/" + id)
	goOn("message")
	b.follow("main form .primary")
	next("logout") // the call has arrived
	b.click("#tour-all")
	b.follow("#tour-delivery")
	b.seeText("#deliveries", "sendMessage")
	b.follow("#tour-go")
	b.follow("#logout-go")
	b.until(`!document.querySelector("#tour-steps li:not(.done)")`)
	b.checkAccess("tour, walked")

	// Left, it is out of the way on every page; taken up again, it stands where
	// it stood.
	b.follow("#tour-leave button")
	b.open("/settings/about")
	b.gone(".tour")
	b.follow("#tour-resume button")
	b.see("#tour-now")
	b.gone("#tour-steps li:not(.done)")
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
