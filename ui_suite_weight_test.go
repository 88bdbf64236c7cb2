package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// What a visit may cost: bytes as they come over the wire, and requests.
const (
	firstVisit, firstRequests = 42 << 10, 8
	nextVisit                 = 10 << 10
)

// What the browser itself says that a visit cost, without the stream.
const cost = `(() => {
	const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
		.filter(e => !e.name.includes("/live") && e.transferSize > 0);
	return {Bytes: all.reduce((n, e) => n + e.transferSize, 0), Names: all.map(e => new URL(e.name).pathname + " " + e.transferSize)};
})()`

type visit struct {
	Bytes int
	Names []string
}

// A first visit, and one to a page after it, cost no more than they may: what
// does not change is asked for once.
func TestUIVisitsAreLight(t *testing.T) {
	if raceEnabled {
		t.Skip("what is looked at is the pages")
	}
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	// What the instances last told their pages may still be on its way to the
	// first of these visits; what a page asks for it asks for each time.
	var next visit
	for range 3 {
		h.open("/instances/" + h.sales)
		h.until(`document.readyState === "complete"`)
		if next = eval[visit](h.browser, cost); len(next.Names) == 1 {
			break
		}
	}
	if next.Bytes > nextVisit || len(next.Names) != 1 {
		t.Errorf("a page more costs %d bytes: %q", next.Bytes, next.Names)
	}
	b := startBrowser(t, h.g.Home) // knows nothing yet
	b.borrow(h.o)
	b.open("/instances")
	b.until(`document.readyState === "complete" && performance.getEntriesByType("navigation")[0].transferSize > 0`)
	first := eval[visit](b, cost)
	t.Logf("first visit: %d bytes, %d requests; a page more: %d bytes", first.Bytes, len(first.Names), next.Bytes)
	if first.Bytes > firstVisit || len(first.Names) > firstRequests || len(first.Names) < 3 {
		t.Errorf("the first visit costs %d bytes: %q", first.Bytes, first.Names)
	}
}

// A page of another origin that sends a form to the gateway from the browser of
// somebody who is signed in is refused, and nothing happens.
func TestUIForeignForm(t *testing.T) {
	if raceEnabled {
		t.Skip("the same handlers run under it in other tests")
	}
	h := startHouse(t)
	h.expect("status of 403", "favicon.ico")
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<form method="post" action="` + h.g.Home + `/instances/` + h.sales + `/off"><button id="go">You won</button></form>`))
	}))
	t.Cleanup(evil.Close)
	asked := h.count("/instances/" + h.sales + "/off")
	own := h.home
	h.home = evil.URL
	h.open("/")
	h.home = own
	h.follow("#go")
	if n := asked(); n != 1 {
		t.Fatalf("the form was sent %d times", n)
	}
	if got := eval[int](h.browser, `performance.getEntriesByType("navigation")[0].responseStatus`); got != http.StatusForbidden {
		t.Errorf("the foreign form is answered with %d", got)
	}
	if h.o.get("/instances/"+h.sales).Find("#pair-"+h.sales+"[data-phase=stopped]").Length() > 0 {
		t.Error("it switched the instance off")
	}
}
