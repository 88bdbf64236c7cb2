package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pombal/internal/wasim"
)

// leftOver reads a countdown: the milliseconds that the page was told, and what
// it shows now.
func (w *lifeWorld) leftOver(css string) (told time.Duration, shown string) {
	w.t.Helper()
	w.see(css)
	ms := eval[int](w.browser, `Number(document.querySelector("`+css+` [data-left]").dataset.left)`)
	return time.Duration(ms) * time.Millisecond, w.text(css + " b")
}

// The phone unlinks the device: the open page says so at once, in words, with
// what to do next, and nothing can be clicked that makes no sense now.
func TestLoggedOutOnThePhoneInTheBrowser(t *testing.T) {
	w := startLife(t, wasim.Config{})
	w.link()
	if err := w.phone.RemoveDevice(context.Background(), w.phone.Devices()[0]); err != nil {
		t.Fatal(err)
	}
	w.seePhase("logged_out")
	w.seeText("#status-"+w.id, "unlinked on the phone")
	w.seeText("#go-"+w.id, "Link again")
	w.seeText("#history-"+w.id, "on the phone")
	w.gone("#logout-" + w.id)
	if !eval[bool](w.browser, `!document.querySelector("#replace-qr").checked`) {
		t.Error("another number may be linked without anybody ticking that")
	}

	// Another phone scans: refused, until somebody ticks that it is meant.
	other := w.network.NewPhone("5521998880002", "Nina")
	w.click("#go-" + w.id)
	w.see("#pair-" + w.id + "[data-phase=qr]")
	if _, err := other.Scan(context.Background(), w.scanScreen()); err == nil {
		t.Fatal("another number was linked by accident")
	}
	w.seePhase("pair_failed")
	w.seeText("#status-"+w.id, "A number other than")
	w.click("#replace-qr")
	w.click("#go-" + w.id)
	w.see("#pair-" + w.id + "[data-phase=qr]")
	if _, err := other.Scan(context.Background(), w.scanScreen()); err != nil {
		t.Fatal(err)
	}
	w.see("#status-" + w.id + " .badge.connected")
	w.seeText("#status-"+w.id, "+55 21 99888-0002")
}

// WhatsApp pauses the account: the page says until when and why, and counts
// down; a restart shows the same.
func TestBanInTheBrowser(t *testing.T) {
	const pause = 2 * time.Hour
	w := startLife(t, wasim.Config{})
	w.link()
	if !w.network.Ban(w.phone.Devices()[0], 104, pause) {
		t.Fatal("no such device")
	}
	w.seePhase("banned")
	w.seeText("#status-"+w.id, "WhatsApp paused this account until")
	w.seeText("#status-"+w.id, "the same message to too many people")
	told, shown := w.leftOver("#ban-left")
	if told <= pause-5*time.Minute || told > pause {
		t.Errorf("%s left of %s", told, pause)
	}
	if strings.Count(shown, ":") != 2 {
		t.Errorf("the countdown shows %q", shown)
	}
	w.until(`document.querySelector("#ban-left b").textContent !== "` + shown + `"`) // it runs
	dials := w.network.Connections()
	o := newOperator(t, w.g.Home)
	o.logIn()
	if p := o.get("/instances"); !strings.Contains(p.Find("#rows").Text(), "Paused by WhatsApp") {
		t.Errorf("the list says %s", p.says())
	}
	if n := w.network.Connections() - dials; n != 0 {
		t.Errorf("%d attempts during the pause", n)
	}
}

// A reach-out time lock shows as a banner with its end and goes by itself: by
// WhatsApp's word, and at its end without any.
func TestTimeLockInTheBrowser(t *testing.T) {
	w := startLife(t, wasim.Config{})
	w.link()
	lock := func(left time.Duration, on bool) {
		t.Helper()
		if err := w.phone.TimeLock(time.Now().Add(left), wasim.LockWebCompanion, on); err != nil {
			t.Fatal(err)
		}
	}
	lock(5*time.Hour, true)
	w.seeText("#reachout", "not start new ones, until")
	told, shown := w.leftOver("#reachout")
	if told <= 5*time.Hour-5*time.Minute || told > 5*time.Hour || strings.Count(shown, ":") != 2 {
		t.Errorf("%s left, shown as %q", told, shown)
	}
	if end := eval[string](w.browser, `document.querySelector("#reachout time").dateTime`); end == "" {
		t.Error("no end")
	} else if at, err := time.Parse(time.RFC3339, end); err != nil || time.Until(at) > 5*time.Hour || time.Until(at) < 4*time.Hour {
		t.Errorf("the end is %s", end)
	}
	lock(0, false)
	w.gone("#reachout")
	w.see("#status-" + w.id + " .badge.connected") // it never was more than that
	// A machine that is too slow to show so short a lock gets a longer one.
	visible := false
	for left := 4 * time.Second; !visible && left < limit; left *= 4 {
		lock(left, true)
		visible = eval[bool](w.browser, fmt.Sprintf(`new Promise(done => { const end = Date.now() + %d, look = () => {
			const is = !!document.querySelector("#reachout");
			if (is || Date.now() > end) done(is); else setTimeout(look, 20); }; look() })`, left.Milliseconds()))
	}
	if !visible {
		t.Error("a lock that ends soon is not shown")
	}
	w.gone("#reachout")
	w.seeText("#history-"+w.id, "New chats are possible again")
}

// A proxy that refuses its password stops the number with the reason, and
// nothing goes around it; the test button says in words how a proxy does.
func TestProxyRefusedInTheBrowser(t *testing.T) {
	gate := startGate(t)
	w := startLife(t, wasim.Config{}, "--webhook-allow", gate.addr())
	gate.lead(w.network)
	w.expect("status of 422")
	w.link()
	around := w.network.Connections()

	w.open("/instances/" + w.id + "/settings")
	w.typeProxy("ftp://"+gate.addr(), "ana", "right")
	w.click("#proxy-test")
	w.seeText("#proxy-result", "Use http, https or socks5")
	w.typeProxy("http://"+gate.addr(), "ana", "mistyped-9")
	w.click("#proxy-test")
	w.seeText("#proxy-result", "refused the user name or the password")
	if gate.asked.Load() == 0 {
		t.Error("the test did not ask the proxy")
	}
	w.typeProxy("http://"+gate.addr(), "ana", "right")
	w.click("#proxy-test")
	w.seeText("#proxy-result", "WhatsApp answered through this proxy")
	w.typeProxy("http://"+gate.addr(), "ana", "mistyped-9")
	w.click("#proxy-save")
	w.see("#flash.ok")

	w.open("/instances/" + w.id)
	w.seePhase("blocked")
	w.seeText("#status-"+w.id, "The proxy refused its user name or password")
	w.open("/instances/" + w.id + "/settings")
	w.see("#proxy .note.bad")
	if html := eval[string](w.browser, `document.documentElement.outerHTML`); strings.Contains(html, "mistyped-9") {
		t.Error("the page shows the password")
	}
	if n := w.network.Connections() - around; n != 0 {
		t.Errorf("%d connections around the proxy", n)
	}

	w.typeProxy("http://"+gate.addr(), "ana", "right")
	w.click("#proxy-save")
	w.see("#flash.ok")
	w.open("/instances/" + w.id)
	w.see("#status-" + w.id + " .badge.connected")
	if n := w.network.Connections() - around; n != int(gate.opened.Load())-1 { // one was the test
		t.Errorf("%d connections, %d through the proxy", n, gate.opened.Load())
	}
}

func (w *lifeWorld) typeProxy(address, user, password string) {
	w.t.Helper()
	for css, text := range map[string]string{"#proxy-url": address, "#proxy-user": user, "#proxy-password": password} {
		w.put(css, text)
	}
}

// gate is an http proxy that asks for a password and leads everything to the
// stand-in network.
type gate struct {
	ln     net.Listener
	target atomic.Value // host:port
	asked  atomic.Int64
	opened atomic.Int64
}

func startGate(t *testing.T) *gate {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{ln: ln}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go g.serve(c)
		}
	}()
	t.Cleanup(func() { _ = ln.Close() })
	return g
}

func (g *gate) addr() string { return g.ln.Addr().String() }

func (g *gate) lead(network *wasim.Server) {
	u, _ := url.Parse(network.URL()) // the network's own address
	g.target.Store(u.Host)
}

func (g *gate) serve(c net.Conn) {
	defer c.Close()
	g.asked.Add(1)
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", req.Header.Get("Proxy-Authorization"))
	if user, password, _ := req.BasicAuth(); user != "ana" || password != "right" {
		_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	to, err := net.Dial("tcp", g.target.Load().(string))
	if err != nil {
		return
	}
	defer to.Close()
	g.opened.Add(1)
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(to, c); _ = to.Close() }()
	_, _ = io.Copy(c, to)
}
