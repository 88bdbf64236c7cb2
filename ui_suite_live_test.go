package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// A gateway that goes away under an open page: the page says so, does not
// reload, finds the gateway again by itself and shows what changed meanwhile;
// after that signals come as before.
func TestUIRestartUnderAnOpenPage(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	h.open("/instances")
	h.see("#row-" + h.sales)
	h.expect(whileDown()...)
	h.stay()
	asked := h.count("/live")
	if err := h.g.stop(); err != nil {
		t.Fatal(err)
	}
	h.see("#offline:not([hidden])")

	// Somebody renames an instance where this page cannot hear of it.
	elsewhere := startGateway(t, h.args, nil)
	h.o.home = elsewhere.Home
	h.rename(h.sales, "Shop window")
	if err := elsewhere.stop(); err != nil {
		t.Fatal(err)
	}

	h.o.home = h.g.Home
	startGateway(t, append(slices.Clip(h.args), "--addr", h.g.at()), nil)
	h.until(`document.querySelector("#offline").hidden`)
	h.seeText("#row-"+h.sales, "Shop window")
	if n := asked(); n > 60 {
		t.Errorf("the page asked %d times for its stream", n)
	}
	// The stream is there again: what happens now is seen without asking.
	h.rename(h.desk, "Front desk")
	h.seeText("#row-"+h.desk, "Front desk")
	if !h.stayed() {
		t.Error("the page was loaded anew")
	}
}

// A page whose stream is refused at first gets it later, by itself.
func TestUIStreamThatNeverOpened(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	h.expect(whileDown()...)
	h.block("/live*")
	h.open("/instances")
	h.see("#offline:not([hidden])")
	h.stay()
	h.rename(h.sales, "Shop window")
	h.block("")
	h.until(`document.querySelector("#offline").hidden`)
	h.seeText("#row-"+h.sales, "Shop window")
	h.rename(h.desk, "Front desk")
	h.seeText("#row-"+h.desk, "Front desk")
	if !h.stayed() {
		t.Error("the page was loaded anew")
	}
}

// A browser that loses its network says so at once, and catches up when it has
// it again.
func TestUIOffline(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	h.expect(append(whileDown(), "429")...)
	h.open("/instances/" + h.sales)
	h.see("#status-" + h.sales)
	h.stay()
	h.offline(true)
	h.see("#offline:not([hidden])")
	h.checkAccess("offline")
	h.turn(h.sales, "on")
	h.offline(false)
	h.until(`document.querySelector("#offline").hidden`)
	h.until(`!document.querySelector("#pair-` + h.sales + `[data-phase=stopped]")`)
	if !h.stayed() {
		t.Error("the page was loaded anew")
	}
}

// A session that was ended at another screen: the open page goes to the sign-in
// with the next signal, and from there back.
func TestUISessionEndedElsewhere(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	h.expect("401")
	h.open("/instances/" + h.desk + "/webhooks")
	asked := h.count("/live")
	h.o.submit(h.o.get("/settings/security"), "/settings/sessions/end-others", nil)
	h.o.create("One more")
	h.see("#login")
	if at := h.path(); !strings.Contains(at, "next=%2Finstances%2F"+h.desk+"%2Fwebhooks") {
		t.Errorf("the sign-in leads back to %s", at)
	}
	if n := asked(); n > 3 {
		t.Errorf("the page asked %d times for its stream", n)
	}
	h.fill("#login [name=email]", ownerEmail)
	h.fill("#login [name=password]", ownerPassword)
	h.follow("#login button[type=submit]")
	if at := h.path(); at != "/instances/"+h.desk+"/webhooks" {
		t.Errorf("signing in leads to %s", at)
	}
}

// However many lines of the list change at once, each is asked for.
func TestUIManyLinesAtOnce(t *testing.T) {
	h := startHouse(t)
	ids := []string{h.sales, h.desk, h.o.create("Bar"), h.o.create("Cellar"), h.o.create("Office")}
	h.quietly(ids...)
	h.open("/instances")
	var asked []func() int
	for _, id := range ids {
		asked = append(asked, h.count("/instances/"+id+"/row"))
	}
	// As the stream brings signals that come together.
	eval[bool](h.browser, `[...document.querySelectorAll("#list tbody tr")].forEach(row => htmx.trigger("#live", "htmx:sse:before:message",
		{message: {event: row.id.replace("row-", "inst-")}}, false)), true`)
	h.o.until("each line asked for", func() bool {
		return !slices.ContainsFunc(asked, func(n func() int) bool { return n() == 0 })
	})
}

// Somebody types into the search while a line of the list changes: the line
// shows the new state, the field keeps its text, the focus and the caret.
func TestUIListWhileTyping(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	h.open("/instances")
	h.click("#q")
	h.press("Sa")
	h.until(`new URLSearchParams(location.search).get("q") === "Sa" && !document.querySelector("#row-` + h.desk + `")`)
	h.press("lees" + kb.ArrowLeft)
	h.until(`document.querySelector("#q").value === "Salees"`)
	h.press(kb.Backspace)
	h.until(`new URLSearchParams(location.search).get("q") === "Sales"`)
	h.stay()
	h.turn(h.sales, "on")
	h.until(`!document.querySelector("#row-` + h.sales + ` .badge.stopped")`)
	type state struct {
		Value string
		Caret int
		Focus bool
	}
	got := eval[state](h.browser, `(() => { const q = document.querySelector("#q"); return {Value: q.value, Caret: q.selectionStart, Focus: document.activeElement === q} })()`)
	if want := (state{"Sales", 4, true}); got != want {
		t.Errorf("the field is %+v, want %+v", got, want)
	}
	if !h.stayed() {
		t.Error("the page was loaded anew")
	}
}

// Eight pages open in one window: each can be used when it is looked at, although
// a browser opens no more than six connections to one place. Those that nobody
// looks at let go of their stream.
func TestUIManyTabs(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	h.expect("429", "net::ERR_ABORTED")
	tabs, streams := []*browser{h.browser}, []func() int{h.streams()}
	h.open("/instances")
	for range 7 {
		tab := h.newTab()
		tab.expect("429", "net::ERR_ABORTED")
		streams = append(streams, tab.streams())
		tab.open("/instances")
		tab.toFront()
		tab.see("#row-" + h.sales)
		tabs = append(tabs, tab)
	}
	h.o.until("the streams of hidden pages ended", func() bool {
		n := 0
		for _, open := range streams {
			n += open()
		}
		return n >= 1 && n <= 2
	})
	last := tabs[len(tabs)-1]
	h.rename(h.desk, "Front desk")
	last.seeText("#row-"+h.desk, "Front desk")
	// A page that begins in the background lets go as well. Chromium may tell that
	// it is loaded only once it is looked at.
	eval[bool](tabs[2], `window.before = true, location.reload(), true`)
	h.o.until("the stream of a page opened in the background paused", func() bool {
		return glance[int](tabs[2], `window.before ? 0 : document.querySelector("#live")?._htmx?.sse?.attempt ?? 0`) == 1 && streams[2]() == 0
	})
	tabs[2].toFront()
	h.rename(h.desk, "Reception")
	tabs[2].seeText("#row-"+h.desk, "Reception")
	tabs[1].toFront()
	tabs[1].seeText("#row-"+h.desk, "Reception")
	tabs[1].follow("#row-" + h.sales + " a")
	tabs[1].see("#status-" + h.sales)
}
