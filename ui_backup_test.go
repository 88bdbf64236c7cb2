package main

import (
	"context"
	"io"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	cdbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// download has the browser keep what it downloads in a folder, and gives the
// file once one is complete.
func (b *browser) download(dir string) (complete func() string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		about, err := cdp.Call(ctx, tab, target.GetTargetInfo, target.GetTargetInfoParams{})
		if err != nil {
			return err
		}
		_, err = chromedp.Call(ctx, cdbrowser.SetDownloadBehavior, cdbrowser.SetDownloadBehaviorParams{
			Behavior: cdbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, BrowserContextID: about.TargetInfo.BrowserContextID,
		})
		return err
	}))
	return func() string {
		b.t.Helper()
		for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			found, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil {
				b.t.Fatal(err)
			}
			if len(found) == 1 && !strings.HasSuffix(found[0], ".crdownload") && !strings.Contains(found[0], ".org.chromium") {
				return found[0]
			}
		}
		b.t.Fatal("the download does not end")
		return ""
	}
}

// kept is what people put into an instance and its webhook, as the forms show
// it: the same before and after.
func (o *operator) kept(id, hook string) map[string]url.Values {
	o.t.Helper()
	all := make(map[string]url.Values)
	for _, form := range []string{"#rename", "#webhook-form", "#tags-form"} {
		at := "/instances/" + id + "/settings"
		if form == "#webhook-form" {
			at = "/instances/" + id + "/webhooks/" + hook
		}
		found := o.get(at).Find(form)
		if found.Length() != 1 {
			o.t.Fatalf("%s has no %s", at, form)
		}
		values := formValues(found)
		for name := range values {
			if strings.HasPrefix(name, "_") {
				values.Del(name)
			}
		}
		all[form] = values
	}
	return all
}

// A backup that was made and downloaded in the browser, restored to another
// house, holds the same: name, tags, webhook with its events and secret, people.
func TestUIDownloadedBackupRestores(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	hook := h.o.addWebhook(h.sales, "crm", "https://crm.example/hook")
	at := "/instances/" + h.sales
	page := h.o.get(at + "/webhooks/" + hook)
	h.o.submit(page, at+"/webhooks/"+hook, url.Values{"events": formValues(page.Find("#webhook-form"))["events"][3:], "headers": {"X-Tenant: acme"}})
	h.o.submit(h.o.get(at+"/settings"), at+"/tags", url.Values{"tags": {"vendas, br"}})
	want := h.o.kept(h.sales, hook)
	secret := func(o *operator) string {
		return o.submit(o.get(at+"/webhooks/"+hook), at+"/webhooks/"+hook+"/secret", nil).Find("#secret-value").Text()
	}
	wantSecret := secret(h.o)

	complete := h.download(t.TempDir())
	h.open("/settings/backup")
	h.follow("#backup-make")
	h.see("#backups .badge.ok")
	h.click("#download-0")
	file := complete()
	other := t.TempDir()
	args := []string{"restore", file, "--data", filepath.Join(other, "pombal.db")}
	var log lockedBuffer
	if code := run(t.Context(), args, nil, io.Discard, &log); code != exitOK {
		t.Fatalf("restore ends with %d: %s", code, &log)
	}
	second := newOperator(t, startGateway(t, settings(t, other, startNetwork(t)), nil).Home)
	second.logIn()
	if got := second.kept(h.sales, hook); !reflect.DeepEqual(got, want) {
		t.Errorf("restored is %v, want %v", got, want)
	}
	if got := secret(second); got != wantSecret || got == "" {
		t.Error("the secret is another one")
	}
}
