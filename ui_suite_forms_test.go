package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// A double click on a button that makes, saves, logs out or deletes does it
// once, with scripts and without, and leads to no complaint.
func TestUIDoubleClick(t *testing.T) {
	h := startHouse(t)
	hook := h.o.addWebhook(h.sales, "crm", "https://crm.example/hook")
	at := "/instances/" + h.sales + "/webhooks/" + hook
	for _, tc := range []struct {
		name    string
		scripts bool
	}{{"with scripts", true}, {"without", false}} {
		t.Run(tc.name, func(t *testing.T) {
			b := startBrowser(t, h.g.Home)
			b.logIn()
			if !tc.scripts {
				b.noScripts()
			}
			fresh := "Twice " + strings.Fields(tc.name)[0]
			b.open("/instances/new")
			b.fill("#instance-new [name=name]", fresh)
			b.twice("#instance-new button[type=submit]")
			b.see("[id^=status-]")
			id, _, _ := strings.Cut(strings.TrimPrefix(b.path(), "/instances/"), "?")
			if n := strings.Count(h.o.get("/instances").Find("#rows tbody").Text(), fresh); n != 1 {
				t.Errorf("%d instances came of a double click", n)
			}

			b.open(at)
			b.fill("#webhook-form [name=name]", fresh)
			b.twice("#webhook-save")
			b.see("#flash, .toast")
			if text := b.text("main"); strings.Contains(text, "Somebody else") {
				t.Error("a second click saved against the first")
			}

			b.open("/instances/" + id + "/delete")
			b.fill("#typed", fresh)
			b.twice("#delete-go")
			b.see("#list")
			if text := h.o.get("/instances").Find("#rows tbody").Text(); strings.Contains(text, fresh) {
				t.Error("it was not deleted")
			}
		})
	}
}

// A form that is wrong comes back with what was typed, with a summary that
// leads to the fields, and with the focus on the first wrong one.
func TestUIWrongInput(t *testing.T) {
	h := startHouse(t)
	h.expect("422")
	h.quietly(h.sales, h.desk)
	h.open("/instances/new")
	h.fill("#instance-new [name=name]", "sales")
	h.follow("#instance-new button[type=submit]")
	h.until(`document.activeElement.id === "name" && document.activeElement.value === "sales"`)
	h.see("[role=alert] a[href='#name']")
	h.see("#name[aria-invalid][aria-describedby~=name-error]")
	h.checkAccess("create, wrong")
	eval[bool](h.browser, `document.activeElement.blur(), true`)
	h.click("[role=alert] a[href='#name']")
	h.until(`document.activeElement.id === "name"`)

	hook := h.o.addWebhook(h.sales, "crm", "https://crm.example/hook")
	h.open("/instances/" + h.sales + "/webhooks/" + hook)
	h.fill("#webhook-form [name=url]", "ftp://crm.example/hook")
	h.click("#ev-presenceUpdate")
	h.click("#hook-settings summary")
	h.see("#headers")
	h.click("#headers")
	h.press("Not a header")
	h.click("#webhook-save")
	h.until(`document.activeElement.getAttribute("aria-invalid") === "true"`)
	h.checkAccess("webhook, wrong")
	if got := eval[string](h.browser, `document.querySelector("#url").value + " " + document.querySelector("#headers").value + " " + document.querySelector("#ev-presenceUpdate").checked`); got != "ftp://crm.example/hook Not a header false" {
		t.Errorf("what was typed became %q", got)
	}
	if loose := eval[int](h.browser, `document.querySelectorAll("#webhook-form [role=alert] li:not(:has(a))").length`); loose > 0 {
		t.Errorf("%d lines of the summary lead nowhere", loose)
	}
}

// Somebody else saves first: nothing is overwritten unseen, what was typed stays
// in the form, and for a webhook theirs stands beside it. Saving again is a
// decision.
func TestUISomebodyElseSavedFirst(t *testing.T) {
	h := startHouse(t)
	h.expect("409")
	h.quietly(h.sales, h.desk)
	h.open("/instances/" + h.sales + "/settings")
	h.rename(h.sales, "Theirs")
	h.fill("#rename [name=name]", "Mine")
	h.follow("#rename button[type=submit]")
	h.until(`document.activeElement.id === "name" && document.activeElement.value === "Mine"`)
	if text := h.text("#theirs"); !strings.Contains(text, "Theirs") || !strings.Contains(text, "Mine") {
		t.Errorf("side by side stands %q", text)
	}
	h.checkAccess("rename, conflict")
	h.follow("#rename button[type=submit]")
	h.seeText("h1", "Mine")

	hook := h.o.addWebhook(h.sales, "crm", "https://crm.example/hook")
	at := "/instances/" + h.sales + "/webhooks/" + hook
	h.open(at)
	h.o.submit(h.o.get(at), at, url.Values{"name": {"their crm"}, "url": {"https://theirs.example/hook"}})
	h.fill("#webhook-form [name=url]", "https://mine.example/hook")
	h.click("#webhook-save")
	h.seeText("#webhook-form [role=alert]", "https://theirs.example/hook")
	h.checkAccess("webhook, conflict")
	if got := eval[string](h.browser, `document.querySelector("#url").value`); got != "https://mine.example/hook" {
		t.Errorf("what was typed became %q", got)
	}
	h.click("#webhook-save")
	h.see(".toast")
	h.open(at)
	if got := eval[string](h.browser, `document.querySelector("#url").value`); got != "https://mine.example/hook" {
		t.Errorf("saved %q", got)
	}
}

// Signing out and in again in another tab makes the forms of this one old. They
// are refused, and what was typed into them is not lost.
func TestUIRefusedFormKeepsWhatWasTyped(t *testing.T) {
	h := startHouse(t)
	h.expect("403", "401")
	h.quietly(h.sales, h.desk)
	hook := h.o.addWebhook(h.sales, "crm", "https://crm.example/hook")
	renaming, at := "/instances/"+h.sales+"/settings", "/instances/"+h.sales+"/webhooks/"+hook
	h.open(renaming)
	h.fill("#rename [name=name]", "Long thought of")
	second := h.newTab()
	second.expect("401", "403")
	second.open(at)
	second.fill("#webhook-form [name=url]", "https://long.example/thought/of")

	third := h.newTab()
	third.expect("Clear-Site-Data")
	third.open("/instances")
	third.toFront()
	third.click("details.menu summary")
	third.follow("form[action='/logout'] button")
	third.logIn()

	second.expect("403")
	second.toFront()
	second.click("#webhook-save")
	second.see(".toast.bad")
	if got := eval[string](second, `document.querySelector("#url").value`); got != "https://long.example/thought/of" {
		t.Errorf("what was typed became %q", got)
	}
	h.toFront()
	h.follow("#rename button[type=submit]")
	h.seeText("#typed-values", "Long thought of")
	h.checkAccess("refused form")
	h.follow("#failure-back")
	h.see("#rename")
	if text := h.text("h1"); text != "Sales" {
		t.Errorf("the refused form changed the name to %q", text)
	}
}

// Deletion asks for the name: a wrong one comes back with the focus on it, the
// right one deletes; Escape closes the question and gives the focus back.
func TestUIDelete(t *testing.T) {
	h := startHouse(t)
	h.expect("422")
	h.quietly(h.sales, h.desk)
	h.open("/instances/" + h.sales + "/settings")
	h.click("#delete")
	h.see("dialog[open] #typed")
	h.press(kb.Escape)
	h.gone("dialog[open]")
	h.until(`document.activeElement.id === "delete"`)
	h.press(kb.Enter)
	h.see("dialog[open] #typed")
	h.fill("#typed", "sale")
	h.click("#delete-go")
	h.until(`document.activeElement.matches("dialog[open] #typed[aria-invalid]")`)
	h.checkAccess("delete, wrong name")
	h.fill("#typed", "Sales")
	h.follow("#delete-go")
	h.see("#list")
	h.gone("#row-" + h.sales)
}
