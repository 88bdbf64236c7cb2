package main

import (
	"context"
	"net/url"
	"strings"
	"testing"
)

// The runtime ends the process: after the restart the number is back by
// itself, and the dashboard says when and why Pombal was gone, without the
// phone's number; dismissed, it says so no more.
func TestCrashIsToldOnThePages(t *testing.T) {
	network, dir := startNetwork(t), t.TempDir()
	phone := network.NewPhone("5511987650001", "Shop Front")
	args := settings(t, dir, network)
	g := startChild(t, args, ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("Loja Centro")
	if _, err := phone.Scan(context.Background(), o.code(id)); err != nil {
		t.Fatal(err)
	}
	o.untilPhase(id, "connected")
	g.crash()

	g = startChild(t, args, ownerEnv())
	o = newOperator(t, g.Home)
	o.logIn()
	banner := o.get("/instances").Find("#crashed")
	if !strings.Contains(banner.Text(), "Pombal crashed and was back on") || banner.Find("time[datetime]").Length() != 1 {
		t.Errorf("the banner says %q", banner.Text())
	}
	p := o.get("/settings/crashes")
	text := p.Find("#crash-report").Text()
	if p.Find("#crash-count").Text() != "1" || !strings.Contains(text, "SIGABRT: abort") || !strings.Contains(text, "goroutine ") {
		t.Errorf("%s crashes; the report begins %.200q", p.Find("#crash-count").Text(), text)
	}
	if strings.Contains(text, phone.Number()) {
		t.Error("the report shows the phone's number")
	}
	o.untilPhase(id, "connected")
	if p := o.submit(p, "/settings/crashes/dismiss", url.Values{}); p.Find("#crashed").Length() > 0 {
		t.Error("the banner stays after it was dismissed")
	}
	if err := g.stop(); err != nil {
		t.Fatalf("stop: %v\n%s", err, g.log)
	}
	g = startChild(t, args, ownerEnv())
	o = newOperator(t, g.Home)
	o.logIn()
	if o.get("/instances").Find("#crashed").Length() > 0 {
		t.Error("the banner came back after an end in order")
	}
}
