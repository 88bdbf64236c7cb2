package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pombal/web"
	"pombal/web/webtest"
)

// What a page may weigh as it travels, in bytes. A list of 100 instances cannot
// weigh less than what is said in it: its numbers, names, times and ids take
// 5.8 KiB compressed without any markup, and the frame around them 2.6 KiB.
// Lists of the usual length are pages like any other.
const (
	maxPage = 8 << 10
	max100  = 11 << 10
	// What people may keep secret travels as it is: the frame, and the largest
	// body that is kept with every quote of it written out.
	maxPlain = 48 << 10
)

// TestSizes holds the pages to their budgets as the server sends them, full of
// what a house is full of, in each language.
func TestSizes(t *testing.T) {
	t.Parallel()
	k, pages, plain := crowdedServer(t)
	c := k.SignedIn()
	for _, lang := range []string{"en", "pt-BR", "es", "hi"} {
		for _, path := range pages {
			limit := maxPage
			if path == "/instances?per=100" {
				limit = max100
			}
			a := c.Get(path, "Accept-Encoding: gzip", "Accept-Language: "+lang)
			if a.Status != 200 || a.Header.Get("Content-Encoding") != "gzip" {
				t.Fatalf("%s: status %d, encoding %q", path, a.Status, a.Header.Get("Content-Encoding"))
			}
			t.Logf("%5s %5d %s", lang, len(a.Body), path)
			if len(a.Body) > limit {
				t.Errorf("%s in %s: %d bytes compressed, more than %d", path, lang, len(a.Body), limit)
			}
		}
		for _, path := range plain {
			a := c.Get(path, "Accept-Encoding: gzip", "Accept-Language: "+lang).Want(200)
			t.Logf("%5s %5d %s, as it is", lang, len(a.Body), path)
			if a.Header.Get("Content-Encoding") != "" || len(a.Body) > maxPlain {
				t.Errorf("%s in %s: %d bytes, more than %d, encoding %q", path, lang, len(a.Body), maxPlain, a.Header.Get("Content-Encoding"))
			}
		}
	}
}

// crowdedServer is a server with 100 instances, and the addresses of its pages:
// those that travel compressed, and those that do not.
func crowdedServer(t *testing.T) (k *webtest.Kit, pages, plain []string) {
	t.Helper()
	var c *crowd
	log := new(crowdLog)
	k = webtest.NewServer(t, func(d *web.Deps) {
		c = newCrowd(d.Now())
		log.crowd = c
		d.Events, d.Instances, d.Ledger = log, crowdHouse{d.Instances, c}, crowdLedger{d.Ledger, c}
	})
	log.all = c.fill(k, 100)
	c.fillAccount(t, k)
	for range 12 {
		k.Clock.Add(13 * time.Hour)
		if _, err := k.Upkeep.MakeBackup(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	k.Clock.Add(-12 * 13 * time.Hour) // what was just now is just now again
	first := "/instances/" + log.all[0].ID
	hooks, err := k.Webhooks.List(t.Context(), log.all[0].ID)
	if err != nil || len(hooks) == 0 {
		t.Fatalf("%d webhooks: %v", len(hooks), err)
	}
	pages = []string{"/instances", "/instances?per=50", "/instances?per=100", "/instances/new", "/events", "/keys", "/keys/new",
		"/settings/general", "/settings/whatsapp", "/settings/crashes", "/settings/retention", "/settings/backup",
		"/settings/security", "/settings/appearance", "/settings/about", "/shortcuts", "/api/docs", first}
	for _, tab := range []string{"webhooks", "webhooks/new", "events", "test", "settings", "link", "logout", "delete", "catch"} {
		pages = append(pages, first+"/"+tab)
	}
	hook := first + "/webhooks/" + hooks[0].ID
	pages = append(pages, hook)
	for _, tab := range []string{"deliveries", "deliveries/48130", "replay", "preset/all", "verify", "rotate", "delete"} {
		pages = append(pages, hook+"/"+tab)
	}
	caught := c.fillCatch(k, log.all[0].ID)
	pages = append(pages, first+"/catch?before="+fmt.Sprint(caught.ID-40))
	caught.Body = strings.Repeat(`{"a":"b c"},`, 16<<10/12)
	largest := k.Catch.Put(log.all[0].ID, caught)
	for _, id := range []uint64{caught.ID, largest.ID} {
		plain = append(plain, first+"/catch/"+fmt.Sprint(id))
	}
	return k, pages, plain
}
