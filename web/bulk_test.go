package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/upkeep"
	"pombal/web/webtest"
)

// The list shows a page at a time, in the order that was asked for; all of it
// is in the address.
func TestListPagesSortsAndFiltersByTag(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	for i := range 60 {
		in := instance.Instance{ID: fmt.Sprintf("n%02d", i), Name: fmt.Sprintf("Shop %02d", i)}
		if i%20 == 3 {
			in.Tags = []string{"Vendas"}
		}
		if i == 59 {
			in.Status = instance.Status{Phase: instance.PhaseLoggedOut, Since: k.Clock.Now()}
		}
		k.Instances.Put(in)
	}
	c := k.SignedIn()
	for address, want := range map[string]struct {
		rows        int
		first, last string
	}{
		"/instances":                       {25, "row-n00", "row-n24"},
		"/instances?page=3":                {10, "row-n50", "row-n59"},
		"/instances?page=99":               {10, "row-n50", "row-n59"},
		"/instances?page=-1&per=7":         {25, "row-n00", "row-n24"},
		"/instances?per=100":               {60, "row-n00", "row-n59"},
		"/instances?sort=-name":            {25, "row-n59", "row-n35"},
		"/instances?sort=status":           {25, "row-n59", "row-n23"},
		"/instances?sort=nonsense":         {25, "row-n00", "row-n24"},
		"/instances?tag=vendas":            {3, "row-n03", "row-n43"},
		"/instances?q=VENDAS":              {3, "row-n03", "row-n43"},
		"/instances?tag=vendas&q=23":       {1, "row-n23", "row-n23"},
		"/instances?tag=%3Cscript%3E&q=07": {1, "row-n07", "row-n07"},
	} {
		rows := c.Get(address).Want(200).Doc().Find("#list tbody tr")
		if n := rows.Length(); n != want.rows || rows.First().AttrOr("id", "") != want.first || rows.Last().AttrOr("id", "") != want.last {
			t.Errorf("%s: %d rows from %s to %s, want %+v", address, n, rows.First().AttrOr("id", ""), rows.Last().AttrOr("id", ""), want)
		}
	}
	a := c.Get("/instances?page=2&sort=-name&q=Shop")
	a.Want(200, `[aria-sort="descending"] #sort-name`, `.pager a[rel="next"][href="/instances?page=3&q=Shop&sort=-name"]`,
		`.pager [aria-current="page"]`, `#rows[hx-get="/instances?page=2&q=Shop&sort=-name"]`)
	if got := a.Text(".pager"); !strings.Contains(got, "26–50 of 60") {
		t.Errorf("the pager says %q", got)
	}
	c.Get("/instances?tag=none").Want(200, `.empty a[href="/instances"]`)
}

// Without scripts: tick, choose, read the question, agree, read what became of
// each.
func TestBulkSaysWhatBecameOfEach(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	k.Instances.LogoutFunc = func(id string, _ instance.LogoutParams) (instance.LogoutResult, error) {
		switch id {
		case "i1":
			in, err := k.Instances.Get(t.Context(), id)
			return instance.LogoutResult{Instance: in, WasLinked: true, Unlinked: true, Erased: true}, err
		default:
			return instance.LogoutResult{}, problem.New(problem.Unavailable, "error.unavailable")
		}
	}
	c := k.SignedIn()
	c.Get("/instances").Want(200, `form#bulk[method="get"][action="/instances/bulk"] select[name="do"]`,
		`#row-i1 input[name="id"][value="i1"][form="bulk"]`)
	ask := c.Get("/instances/bulk?do=logout&id=i1&id=i2&id=gone&back=%2Finstances%3Fq%3Dx").Want(200, `#bulk-form input[name="ids"][value="i2,i1"], #bulk-form input[name="ids"][value="i1,i2"]`)
	if ask.Has("html main #dialog #bulk-form") || !ask.Has("main #bulk-form") {
		t.Error("the question is not on a page of its own")
	}
	form := url.Values{"do": {"logout"}, "ids": {ask.Value(`#bulk-form [name="ids"]`, "value")}, "back": {"/instances?q=x"}}
	done := c.Post("/instances/bulk", form).Want(200, `#result-i1 .outcome.ok`, `#result-i2 .outcome.bad`, `#bulk-back[href="/instances?q=x"]`)
	if n := countAction(k, "instance.logout"); n != 1 {
		t.Errorf("%d entries in the audit, want 1: %s", n, done.Text("#results"))
	}
	for act, call := range map[string]string{"on": "on i1", "off": "off i1", "tag": "retag i1"} {
		c.Post("/instances/bulk", url.Values{"do": {act}, "ids": {"i1"}, "tag": {"vendas, br"}}).Want(200, "#result-i1 .outcome.ok")
		if calls := strings.Join(k.Instances.Calls(), "|"); !strings.Contains(calls, call) {
			t.Errorf("%s led to %q", act, calls)
		}
	}
	c.Post("/instances/bulk", url.Values{"do": {"hooks_off"}, "ids": {"i1,i2"}}).Want(200, "#result-i1 .outcome.ok", "#result-i2 .outcome.info")
	if h, err := k.Webhooks.Get(t.Context(), "i1", "w1"); err != nil || h.Enabled {
		t.Errorf("the webhook is enabled = %v, %v", h.Enabled, err)
	}
}

func TestBulkRefuses(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	var many []string
	for i := range 101 {
		k.Instances.Put(instance.Instance{ID: fmt.Sprintf("m%d", i), Name: fmt.Sprintf("m%d", i)})
		many = append(many, fmt.Sprintf("m%d", i))
	}
	before := len(k.Instances.Calls())
	for name, form := range map[string]url.Values{
		"nothing":     {"do": {"off"}, "ids": {""}},
		"unknown act": {"do": {"format"}, "ids": {"i1"}},
		"none left":   {"do": {"off"}, "ids": {"gone"}},
		"too many":    {"do": {"off"}, "ids": {strings.Join(many, ",")}},
	} {
		if a := c.Post("/instances/bulk", form); a.Status != 422 {
			t.Errorf("%s: %d, want 422", name, a.Status)
		}
	}
	for _, tag := range []string{"", "<b>", strings.Repeat("x", 25)} {
		c.Post("/instances/bulk", url.Values{"do": {"tag"}, "ids": {"i1"}, "tag": {tag}}).Want(422, `#bulk-tag[aria-invalid]`)
	}
	if calls := k.Instances.Calls(); len(calls) != before {
		t.Errorf("something was done all the same: %v", calls[before:])
	}
	if a := c.Get("/instances/bulk?back=//evil.example"); a.Status != 303 || a.Header.Get("Location") != "/instances" {
		t.Errorf("without a selection: %d to %q", a.Status, a.Header.Get("Location"))
	}
	c.Get("/instances").Want(200, "#flash.warn")
	k.Auth.SetRole(auth.RoleViewer)
	if a := c.Get("/instances"); a.Has("#bulk, [name=id]") {
		t.Error("a viewer is offered to choose")
	}
}

func TestTagsOfAnInstance(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Post("/instances/i1/tags", url.Values{"tags": {" #vendas,  BR ,br"}, "rev": {"1"}}).Want(303)
	if v := c.Get("/instances/i1/settings").Value("#tags", "value"); v != "BR, vendas" {
		t.Errorf("the tags are %q", v)
	}
	c.Post("/instances/i1/tags", url.Values{"tags": {"other"}, "rev": {"1"}}).Want(409, `#tags[aria-invalid][value="other"]`, "#tags-form #theirs")
	if text := c.Post("/instances/i1/tags", url.Values{"tags": {"other"}, "rev": {"1"}}).Text("#theirs"); !strings.Contains(text, "BR, vendas") || !strings.Contains(text, "other") {
		t.Errorf("of two who changed the tags it says %q", text)
	}
	c.Post("/instances/i1/tags", url.Values{"tags": {"<i>"}}).Want(422, `#tags[aria-invalid][value="<i>"]`)
	c.Post("/instances/i1/tags", url.Values{"tags": {"a,b,c,d,e,f,g,h,i,j,k"}}).Want(422, `#tags[aria-invalid]`)
}

// What a shorter time deletes is told first, and nothing is saved before
// somebody agrees to just that.
func TestRetentionAsksBeforeItDeletes(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Upkeep.Rows[upkeep.Events] = 12300
	c := k.SignedIn()
	c.Get("/settings/retention").Want(200, `#events[value="30"]`, `#audit[value="365"]`, ".usage tbody tr")
	form := url.Values{"events": {"7"}, "deliveries": {"30"}, "audit": {"365"}, "secrets": {"365"}}
	a := c.Post("/settings/retention", form).Want(200, "#doomed", `#retention-form [name="agreed"]`, `#events[value="7"]`)
	if !strings.Contains(a.Text("#doomed"), "12,300 events") {
		t.Errorf("it says %q", a.Text("#doomed"))
	}
	days := func() int {
		p, err := k.Upkeep.Policy(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return p[upkeep.Events]
	}
	form.Set("agreed", "events=8 deliveries=30 audit=365 secrets=365")
	c.Post("/settings/retention", form).Want(200, "#doomed")
	if days() != 30 {
		t.Error("it was saved before somebody agreed")
	}
	form.Set("agreed", a.Value(`[name="agreed"]`, "value"))
	c.Post("/settings/retention", form).Want(303)
	if days() != 7 || countAction(k, "settings.retention") != 1 {
		t.Errorf("events are kept for %d days", days())
	}
	c.Post("/settings/retention", url.Values{"events": {""}, "events_forever": {"1"}, "deliveries": {"30"}, "audit": {"365"}, "secrets": {"365"}}).Want(303)
	c.Get("/settings/retention").Want(200, "#events-forever[checked]")
	k.Upkeep.Rows[upkeep.Messages] = 4000
	off := url.Values{"events_forever": {"1"}, "deliveries": {"30"}, "audit": {"365"}, "secrets": {"365"}, "messages_off": {"1"}}
	a = c.Post("/settings/retention", off).Want(200, "#doomed", "#messages-off[checked]")
	if !strings.Contains(a.Text("#doomed"), "4,000 events about messages") {
		t.Errorf("it says %q", a.Text("#doomed"))
	}
	c.Get("/settings/retention").Want(200, "#messages-off:not([checked])")
	off.Set("agreed", a.Value(`[name="agreed"]`, "value"))
	c.Post("/settings/retention", off).Want(303)
	c.Get("/settings/retention").Want(200, "#messages-off[checked]")
	for _, bad := range []string{"", "0", "-1", "3651", "x", "1e3"} {
		c.Post("/settings/retention", url.Values{"events": {bad}, "deliveries": {"30"}, "audit": {"365"}, "secrets": {"365"}}).Want(422, "#events[aria-invalid]")
	}
	if days() != 0 {
		t.Error("a refused form changed something")
	}
}

func TestBackups(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.SignedIn()
	c.Get("/settings/backup").Want(200, "#no-backups", "#restore-command", "#compact-command")
	c.Post("/settings/backup", nil).Want(303)
	page := c.Get("/settings/backup").Want(200, "#backups .badge.ok", "#flash.ok")
	at := page.Value("#download-0", "href")
	a := c.Get(at)
	if a.Status != 200 || a.Body != "data file" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") ||
		a.Header.Get("Cache-Control") != "no-store" || countAction(k, "backup.download") != 1 {
		t.Errorf("download = %d %q %v", a.Status, a.Body, a.Header)
	}
	k.Auth.ForgetProof()
	if a := c.Get(at); a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/reauth?next=%2Fsettings%2Fbackup%2F") {
		t.Errorf("without the password: %d to %q", a.Status, a.Header.Get("Location"))
	}
	base := strings.TrimSuffix(at, "/download")
	c.Post(base+"/check", nil).Want(303)
	c.Get(base+"/delete").Want(200, "#backup-delete")
	c.Post(base+"/delete", nil).Want(303)
	for _, gone := range []string{"/delete", "/check"} {
		c.Post(base+gone, nil).Want(404)
	}
	k.Upkeep.Err = upkeep.ErrNoRoom
	c.Post("/settings/backup", nil).Want(507)
	k.Upkeep.Err = upkeep.ErrBusy
	c.Post("/settings/backup", nil).Want(409)
}
