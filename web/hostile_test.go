package web_test

import (
	"net/url"
	"strings"
	"testing"

	"pombal/internal/instance"
	"pombal/web/webtest"
)

// A hostile name is text wherever it shows, and a hostile id finds nothing.
func TestHostileTextIsText(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	const nasty = `"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}` + "\u202e"
	wa := webtest.Linked("5511987650001")
	wa.PushName = nasty
	k.Instances.Put(instance.Instance{ID: "i1", Name: nasty, Status: webtest.Connected(), WhatsApp: wa})
	c := k.SignedIn()
	for _, p := range []string{"/instances", "/instances/i1", "/instances/i1/settings", "/instances/i1/logout",
		"/instances/i1/delete", "/instances/i1/webhooks", "/instances/i1/webhooks/new", "/instances?q=" + url.QueryEscape(nasty)} {
		a := c.Get(p).Want(200)
		if a.Has("img[onerror]") || strings.Contains(a.Body, "<script>alert") || a.Has("[onerror], [onclick], [style]") {
			t.Errorf("%s: markup from outside", p)
		}
	}
	a := c.Post("/instances/i1/off", nil)
	c.Get(a.Header.Get("Location")).Want(200, "#flash")
	for _, id := range []string{"../../etc", "%00", "i1%2f..%2fi1", strings.Repeat("a", 5000), "%ff%fe", "*", "i1 "} {
		if a := c.Get("/instances/" + url.PathEscape(id)); a.Status != 404 {
			t.Errorf("id %.20q: %d, want 404", id, a.Status)
		}
	}
}

// A notice from a cookie that was not made here is not shown.
func TestForgedNotice(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.SignedIn()
	a := c.Get("/instances", "Cookie: pombal-flash=eyJrIjoib2siLCJ0IjoiZG9uZS5zYXZlZCJ9.AAAA")
	if a.Has("#flash") {
		t.Error("a forged notice was shown")
	}
}

// Several people can look at once.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	done := make(chan struct{})
	clients := []*webtest.Client{k.SignedIn(), k.SignedIn(), k.SignedIn(), k.SignedIn()}
	for _, c := range clients {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 20 {
				c.Get("/instances").Want(200)
				c.Get("/instances/i1/status", "HX-Request: true").Want(200)
				c.Get("/instances/i1/webhooks/w1").Want(200)
			}
		}()
	}
	for range clients {
		<-done
	}
}
