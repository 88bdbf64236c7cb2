package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/web"
	"pombal/web/webtest"
)

// A disk that is full or failing is told as that, in the shape of each door,
// and the log says what the system said.
func TestFullDiskIsToldToEveryAsker(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	k.Instances.PutBusiness(instance.Business{ID: "ba", Name: "B"})
	c := k.SignedIn()
	full := fmt.Errorf("create: %w: %w", problem.New(problem.Storage, "error.storage"), fmt.Errorf("no space canary"))
	k.Instances.Err = full

	a := c.Post("/instances/new", url.Values{"name": {"x"}})
	if a.Status != 507 || !strings.Contains(a.Body, "The disk of the server is full or failing") {
		t.Errorf("page: %d %s", a.Status, a.Body)
	}
	a = c.Post("/instances/new", url.Values{"name": {"x"}}, "HX-Request: true")
	if a.Status != 507 {
		t.Errorf("part of a page: %d", a.Status)
	}
	a = c.Do("POST", "/api/v2/business/ba/instance", `{"instanceName":"x"}`, "Content-Type: application/json", "apikey: "+webtest.GlobalKey)
	if want := `{"message":["Nothing can be stored now, the disk of the server is full or failing"],"error":"Insufficient Storage","statusCode":507}`; a.Status != 507 || a.Body != want {
		t.Errorf("CodeChat: %d %s", a.Status, a.Body)
	}
	if strings.Contains(a.Body, "canary") || !strings.Contains(k.Log.String(), "no space canary") {
		t.Error("what the system said belongs into the log, and only there")
	}
}

// While nothing can be stored every page says so, and readiness is red.
func TestPagesTellOfAFullDisk(t *testing.T) {
	t.Parallel()
	var broken error
	k := webtest.NewServer(t, func(d *web.Deps) { d.Ready = func() error { return broken } })
	world(k)
	c := k.SignedIn()
	if n := c.Get("/instances").Doc().Find("#storage").Length(); n != 0 {
		t.Errorf("%d banners while all is well", n)
	}
	broken = problem.New(problem.Storage, "error.space", "free", 12, "limit", 250)
	text := c.Get("/instances").Doc().Find("#storage[role=alert]").Text()
	if !strings.Contains(text, "12 MB are free") || !strings.Contains(text, "until 250 MB are free") {
		t.Errorf("banner: %q", text)
	}
	c.Get("/readyz").Want(503)
	broken = fmt.Errorf("closing")
	if n := c.Get("/instances").Doc().Find("#storage").Length(); n != 0 {
		t.Error("a banner for what is no matter of the disk")
	}
}
