package main

import (
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What is ticked stays ticked while lines change and move under it, and what
// is done to the ticked ones is said for each.
func TestUIListKeepsTheSelection(t *testing.T) {
	g := startGateway(t, settings(t, t.TempDir(), startNetwork(t)), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	ids := make(map[string]string)
	for _, name := range []string{"Anna", "Bela", "Carlos"} {
		ids[name] = o.create(name)
	}
	b := startBrowser(t, g.Home)
	b.logIn()
	b.open("/instances")
	b.see("#row-" + ids["Bela"])
	b.click("#row-" + ids["Bela"] + " [name=id]")
	b.see("#bulk")
	b.until(`document.querySelector(".picked").control !== null`)

	// Its line changes, then all lines move.
	o.turn(ids["Bela"], "off")
	b.see("#row-" + ids["Bela"] + " .badge.stopped")
	o.submit(o.get("/instances/"+ids["Anna"]+"/settings"), "/instances/"+ids["Anna"]+"/tags", url.Values{"tags": {"vendas"}})
	b.see("#row-" + ids["Anna"] + " .tag")
	o.submit(o.get("/instances/"+ids["Bela"]+"/settings"), "/instances/"+ids["Bela"]+"/settings", url.Values{"name": {"Zoe"}})
	b.until(`document.querySelector("#list tbody tr:last-child a").textContent === "Zoe"`)
	picked := `[...document.querySelectorAll("#list [name=id]")].filter(e => e.checked).map(e => e.value).join()`
	if got := eval[string](b, picked); got != ids["Bela"] {
		t.Errorf("ticked now is %q, want %q", got, ids["Bela"])
	}
	b.click("#pick-all")
	b.until(`[...document.querySelectorAll("#list [name=id]")].every(e => e.checked)`)
	b.do(chromedp.SetValue(chromedp.CSS("#bulk-do"), "tag"))
	b.click("#bulk button")
	b.see("dialog[open] #bulk-tag")
	b.checkAccess("question about several instances")
	b.fill("#bulk-tag", "<nobody>"+kb.Enter)
	b.see("#bulk-tag[aria-invalid]")
	b.fill("#bulk-tag", "br")
	b.follow("#bulk-do-it")
	b.see("#results")
	if n := eval[int](b, `document.querySelectorAll("#results .outcome.ok").length`); n != 3 {
		t.Errorf("done for %d of 3: %s", n, b.text("#results"))
	}
	b.checkAccess("what became of each")
	b.follow("#bulk-back")
	b.see("#row-" + ids["Anna"] + " .tag")
	b.quiet("422")
}

// Retention and backups, in a browser: by keyboard where there is a form, in
// both themes, at the width of a phone.
func TestUIRetentionAndBackup(t *testing.T) {
	g := startGateway(t, settings(t, t.TempDir(), startNetwork(t)), ownerEnv())
	b := startBrowser(t, g.Home)
	b.media("", "prefers-reduced-motion", "reduce")
	b.logIn()
	b.open("/settings/retention")
	b.fill("#events", "7")
	b.follow("#retention-save")
	b.see("#flash.ok, #doomed")
	b.open("/settings/backup")
	b.follow("#backup-make")
	b.see("#backups .badge.ok")
	for _, path := range []string{"/settings/retention", "/settings/backup", "/instances/bulk", "/instances"} {
		b.open(path)
		for _, width := range []int64{1280, 320} {
			b.size(width, 800)
			for _, theme := range []string{"light", "dark"} {
				eval[bool](b, `document.documentElement.dataset.theme = "`+theme+`", true`)
				b.checkAccess(path + ", " + theme)
			}
			b.checkWidth(path)
		}
	}
	b.size(1280, 800)
	b.open("/settings/backup")
	b.click("#delete-0")
	b.see("dialog[open] #backup-delete")
	b.checkAccess("question about a backup")
	b.follow("#backup-delete-go")
	b.see("#no-backups")
	b.quiet()
}

// The same without scripts: a backup made through the page, restored to another
// house by the command line, holds the instance.
func TestBackupThroughThePageRestores(t *testing.T) {
	network, dir, other := startNetwork(t), t.TempDir(), t.TempDir()
	g := startGateway(t, settings(t, dir, network), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("Support")
	p := o.submit(o.get("/settings/backup"), "/settings/backup", nil)
	file := p.Find("#backups strong").Text()
	if p.Find("#backups .badge.ok").Length() != 1 || file == "" || !strings.Contains(p.Find("#restore-command").Text(), file) {
		t.Fatalf("after making a backup: %s", p.says())
	}
	args := []string{"restore", filepath.Join(dir, file), "--data", filepath.Join(other, "pombal.db")}
	if code := run(t.Context(), args, nil, io.Discard, io.Discard); code != exitOK {
		t.Fatalf("restore ends with %d", code)
	}
	second := newOperator(t, startGateway(t, settings(t, other, network), nil).Home)
	second.logIn()
	if p := second.get("/instances/" + id); p.Status != http.StatusOK {
		t.Errorf("in the restored house the instance answers %d: %s", p.Status, p.says())
	}
}
