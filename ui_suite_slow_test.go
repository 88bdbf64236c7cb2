package main

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// A slow 3G network: 400 ms to an answer, 400 kbit/s either way.
const (
	slowLatency    = 400 // ms
	slowThroughput = 400_000 / 8
)

// slow makes the network of the tab as slow as that.
func (b *browser) slow() {
	b.t.Helper()
	b.do(protocol(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Latency: slowLatency, DownloadThroughput: slowThroughput, UploadThroughput: slowThroughput}},
	}), protocol(network.OverrideNetworkState, network.OverrideNetworkStateParams{
		Latency: slowLatency, DownloadThroughput: slowThroughput, UploadThroughput: slowThroughput,
	}))
}

// watchBusy writes down which forms say that they are being sent, and how their
// buttons look meanwhile. It outlives the page.
func (b *browser) watchBusy() {
	b.t.Helper()
	eval[bool](b, `new MutationObserver(list => { for (const m of list) if (m.target.ariaBusy === "true" && m.target.id) {
		const go = m.target.querySelector(".primary");
		sessionStorage.setItem("busy-" + m.target.id, getComputedStyle(go).cursor + " " + getComputedStyle(go, "::after").animationName); } })
		.observe(document, {subtree: true, attributes: true, attributeFilter: ["aria-busy"]}), true`)
}

// busy says how the button of a form looked while it was being sent.
func (b *browser) busy(id string) string {
	b.t.Helper()
	return eval[string](b, `sessionStorage.getItem("busy-`+id+`") ?? ""`)
}

// posts counts what is sent to a path.
func (b *browser) posts(path string) (sent func() int64) {
	b.t.Helper()
	var n atomic.Int64
	b.listen(func(ev any) {
		if e, ok := ev.(*network.EventRequestWillBeSent); ok && e.Request.Method == "POST" && e.Request.URL == b.home+path {
			n.Add(1)
		}
	})
	return n.Load
}

// On a slow network all of it works: a button shows at once that it was pressed,
// two clicks act once, what happens elsewhere comes by itself, and a stream that
// broke is found again.
func TestUISlowNetwork(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	h.expect(whileDown()...)
	h.slow()
	h.open("/instances/new")
	h.fill("#instance-new [name=name]", "Slowly")
	h.watchBusy()
	h.twice("#instance-new button[type=submit]")
	h.see("[id^=status-]")
	if got := h.busy("instance-new"); got != "progress turn" {
		t.Errorf("while the form was on its way its button was %q", got)
	}
	if n := strings.Count(h.o.get("/instances").Find("#rows tbody").Text(), "Slowly"); n != 1 {
		t.Errorf("%d instances came of a double click", n)
	}

	hook := h.o.addWebhook(h.sales, "crm", "https://crm.example/hook")
	at := "/instances/" + h.sales + "/webhooks/" + hook
	h.open(at)
	saved := h.posts(at)
	h.fill("#webhook-form [name=name]", "Slow one")
	h.watchBusy()
	h.twice("#webhook-save")
	h.see(".toast")
	if got := h.busy("webhook-form"); got != "progress turn" {
		t.Errorf("while the webhook was being saved its button was %q", got)
	}
	h.until(`!document.querySelector("[aria-busy]") && !document.querySelector("#webhook-save").disabled`)
	if n := saved(); n != 1 {
		t.Errorf("two clicks were sent %d times", n)
	}

	h.open("/instances")
	h.stay()
	h.rename(h.sales, "Shop window")
	h.seeText("#row-"+h.sales, "Shop window")
	h.offline(true)
	h.see("#offline:not([hidden])")
	h.slow()
	h.until(`document.querySelector("#offline").hidden`)
	h.rename(h.desk, "Front desk")
	h.seeText("#row-"+h.desk, "Front desk")
	if !h.stayed() {
		t.Error("the page was loaded anew")
	}
}
