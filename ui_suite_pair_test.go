package main

import (
	"context"
	"testing"

	"pombal/internal/wasim"
)

// Two people look at the same instance: both see one code, for which one
// connection to WhatsApp is enough, and what becomes of it. What needs somebody
// is counted in the title and the icon of the tab; a linked number is announced
// and gets the focus; what was asked of a number that is gone meanwhile is said.
func TestUITwoScreensOneCode(t *testing.T) {
	w := startLife(t, wasim.Config{})
	w.see("#pair-" + w.id + "[data-phase=qr] img")
	shown := w.scanScreen()
	dials := w.network.Connections()
	second := startBrowser(t, w.g.Home)
	second.logIn()
	second.open("/instances/" + w.id)
	if got := second.scanScreen(); got != shown {
		t.Error("the second screen has another code")
	}
	if n := w.network.Connections(); n != dials {
		t.Errorf("for the second screen %d connections more were made", n-dials)
	}
	const left = `Number(document.querySelector(".pair [data-left] b").textContent)`
	before := eval[int](w.browser, left)
	w.until(left + ` < ` + "Math.min(60, " + eval[string](w.browser, `String(`+left+`)`) + `)`)
	if before > 60 || before < 1 {
		t.Errorf("the countdown of a code of 60 s shows %d", before)
	}
	w.seeText(".pair [data-left]", "code 1 of 6")
	w.seeText(".pair [role=status]", "Code 1 of 6")

	// An app that is too old: both screens say why, and the code stays.
	if err := w.phone.ScanWithOldApp(context.Background(), shown); err != nil {
		t.Fatal(err)
	}
	for _, b := range []*browser{w.browser, second} {
		b.seeText("#status-"+w.id, "too old to link devices")
		b.seeText("#pair-"+w.id, "too old to link devices")
		if b.scanScreen() != shown {
			t.Error("the code became another one")
		}
	}

	// The live region must be the same element, or nothing is read out.
	eval[bool](w.browser, `document.querySelector("#status-`+w.id+` > [role=status]").kept = true`)
	w.link()
	w.until(`document.activeElement.id === "status-title"`)
	w.until(`(r => r.kept && r.textContent.includes("Connected"))(document.querySelector("#status-` + w.id + ` > [role=status]"))`)
	second.see("#status-" + w.id + " .badge.connected")

	calm := eval[string](w.browser, `document.querySelector("#favicon").href + " " + document.title`)
	second.click("#logout-" + w.id)
	second.see("dialog[open] #logout-go")
	w.click("#logout-" + w.id)
	w.see("dialog[open] #logout-go")
	w.click("#logout-go")
	w.seePhase("logged_out")
	w.until(`document.title.startsWith("(!1) ") && !"` + calm + `".includes(document.querySelector("#favicon").href)`)
	second.seeText("#status-"+w.id+" > [role=status]", "Logged out")
	second.click("#logout-go")
	second.seeText("#flash, #toasts", "was not linked")
}

// After the last round the code is gone for good, in words, and one button
// brings a new one.
func TestUICodeRunsOut(t *testing.T) {
	// The new codes must still live when a slow browser shows them.
	w := startLife(t, wasim.Config{Refs: 1}, "--whatsapp-code-time", "800ms")
	w.seePhase("link_expired")
	w.gone("#qr")
	w.seeText("#pair-title", "The code expired")
	w.seeText("#go-"+w.id, "new code")
	w.checkAccess("the code expired")
	w.click("#go-" + w.id)
	w.until(`document.querySelector("#pair-` + w.id + `").dataset.phase === "qr" && !!document.querySelector("#qr")`)
}
