package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// borrow gives the browser the cookies of an operator, and its home.
func (b *browser) borrow(o *operator) {
	b.t.Helper()
	home, err := url.Parse(o.home)
	if err != nil {
		b.t.Fatal(err)
	}
	b.home = o.home
	for _, c := range o.http.Jar.Cookies(home) {
		b.do(protocol(network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: o.home}))
	}
}

// The demo's tour on a page that nobody touches, with its list open: each step
// gets its tick when it is done elsewhere, and after the last it says so. The
// page is never loaded anew.
func TestUITourTicksByItself(t *testing.T) {
	enter, phones, _ := startDemo(t)
	o := newOperator(t, "")
	p := o.get(enter)
	o.home = p.URL.Scheme + "://" + p.URL.Host
	phone := &operator{t: t, home: strings.TrimSuffix(phones, "/phone"), http: o.http}
	b := startBrowser(t, "")
	b.borrow(o)
	b.open("/instances")
	b.click("#tour-all")
	b.see("#tour-steps li")
	b.stay()
	ticked := func(step string, done int) {
		t.Helper()
		b.until(fmt.Sprintf(`document.querySelector("#tour-steps [data-step=%s]").matches(".done")`, step))
		b.until(fmt.Sprintf(`document.querySelectorAll("#tour-steps .done").length === %d`, done))
		b.seeText("#tour-now", fmt.Sprintf("%d of 8", done))
	}
	b.seeText("#tour-now", "0 of 8")
	at := o.submit(o.get("/instances/new"), "/instances/new", url.Values{"name": {"Mine"}}).URL.Path
	ticked("create", 1)
	id := strings.TrimPrefix(at, "/instances/")
	o.code(id)
	phone.submit(phone.get("/phone"), "/phone/scan", url.Values{"number": {"5521998880002"}, "instance": {id}})
	ticked("connected", 3)
	o.submit(o.get(at+"/catch"), at+"/catch/webhook", nil)
	ticked("webhook", 4)
	b.until(`document.querySelector("#tour-go").pathname.startsWith("` + at + `/webhooks/")`)
	hook := eval[string](b, `document.querySelector("#tour-go").pathname`)
	page := o.get(hook)
	o.submit(page, hook, url.Values{"events": formValues(page.Find("#webhook-form"))["events"][1:]})
	ticked("toggle", 5)
	b.checkAccess("tour, half-way")
	o.submit(o.get(at+"/test"), at+"/test", nil)
	ticked("delivery", 7)
	o.submit(o.get(at+"/logout"), at+"/logout", nil)
	ticked("logout", 8)
	b.gone("#tour-go")
	b.checkAccess("tour, done")
	if !b.stayed() {
		t.Error("the page was loaded anew")
	}
	b.follow("#tour-leave button")
	b.gone("section.tour")
}
