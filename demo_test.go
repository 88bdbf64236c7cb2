package main

import (
	"bufio"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The demo, as a person clicks through it: the printed link signs in, the
// phone page scans what is on the dashboard's screen, a message arrives at the
// receiver's page, the phone logs the device out.
func TestDemo(t *testing.T) {
	enter, phones, hook := startDemo(t)

	o := newOperator(t, "")
	p := o.get(enter)
	if p.URL.Path != "/instances" || p.Find("#rows tbody tr").Length() != 2 {
		t.Fatalf("the link leads to %s: %s", p.URL, p.says())
	}
	o.home = p.URL.Scheme + "://" + p.URL.Host
	at := p.Find("#rows tbody a").First().AttrOr("href", "")
	id := strings.TrimPrefix(at, "/instances/")
	o.code(id)

	phone := &operator{t: t, home: strings.TrimSuffix(phones, "/phone"), http: o.http}
	phone.submit(phone.get("/phone"), "/phone/scan", url.Values{"number": {"5511987650001"}})
	o.untilPhase(id, "connected")
	phone.submit(phone.get("/phone"), "/phone/send", url.Values{"text": {"hello from the demo"}})
	o.until("the message at the receiver's page", func() bool {
		return strings.Contains(o.get(hook).Text(), "hello from the demo")
	})
	phone.submit(phone.get("/phone"), "/phone/remove", nil)
	o.untilPhase(id, "logged_out")
	if again := o.get(enter); again.URL.Path != "/instances" {
		t.Errorf("the link a second time leads to %s", again.URL)
	}
	if stranger := newOperator(t, "").get(enter); stranger.URL.Path == "/instances" {
		t.Error("the link signs in twice")
	}
}

var invitation = regexp.MustCompile(`http://\S+`)

// readInvitation reads the three addresses that the demo prints.
func readInvitation(t *testing.T, out io.Reader) (enter, phones, hook string) {
	t.Helper()
	found := make(chan []string, 1)
	go func() {
		var all []string
		lines := bufio.NewScanner(out)
		for len(all) < 3 && lines.Scan() {
			all = append(all, invitation.FindAllString(lines.Text(), -1)...)
		}
		found <- all
		_, _ = io.Copy(io.Discard, out)
	}()
	select {
	case all := <-found:
		if len(all) != 3 {
			t.Fatalf("the demo printed %q", all)
		}
		return all[0], all[1], all[2]
	case <-time.After(limit):
		t.Fatal("the demo did not say that it is ready")
		return "", "", ""
	}
}
