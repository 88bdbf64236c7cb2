package views

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"pombal/internal/locale"
	"pombal/static"
)

const testNonce = "bm9uY2Utb2YtdGVzdA"

func storyPage(lang, theme string) (Page, error) {
	t, err := locale.New(lang)
	if lang == locale.PseudoTag {
		t, err = locale.Pseudo()
	}
	return StoryPage(t, theme), err
}

func render(tb testing.TB, c templ.Component) []byte {
	tb.Helper()
	var buf bytes.Buffer
	if err := c.Render(templ.WithNonce(context.Background(), testNonce), &buf); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// TestStories draws every component in every state, language and theme and
// checks what must hold of any page.
func TestStories(t *testing.T) {
	for _, lang := range append(locale.Languages(), locale.Language{Tag: locale.PseudoTag}) {
		for _, theme := range []string{"light", "dark"} {
			p, err := storyPage(lang.Tag, theme)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range Stories() {
				t.Run(strings.Join([]string{s.Name, lang.Tag, theme}, "/"), func(t *testing.T) {
					raw := render(t, s.Make(p))
					doc, err := goquery.NewDocumentFromReader(bytes.NewReader(raw))
					if err != nil {
						t.Fatal(err)
					}
					checkMarkup(t, doc)
					checkText(t, doc, raw)
					if s.Full {
						checkPage(t, doc, lang.Tag, theme)
					}
				})
			}
		}
	}
}

func checkMarkup(t *testing.T, doc *goquery.Document) {
	t.Helper()
	ids := make(map[string]bool)
	doc.Find("*").Each(func(_ int, el *goquery.Selection) {
		if id, ok := el.Attr("id"); ok {
			if id == "" || ids[id] {
				t.Errorf("id %q is empty or not unique", id)
			}
			ids[id] = true
		}
		for _, a := range el.Nodes[0].Attr {
			checkAttribute(t, el, a.Key, a.Val)
		}
	})
	checkReferences(t, doc, ids)
	checkForms(t, doc)
}

func checkAttribute(t *testing.T, el *goquery.Selection, name, value string) {
	t.Helper()
	what := fmt.Sprintf("<%s %s=%q>", goquery.NodeName(el), name, value)
	if name == "style" || strings.HasPrefix(name, "on") || strings.HasPrefix(name, "hx-on") || name == "hx-boost" || name == "hx-confirm" {
		t.Errorf("forbidden attribute: %s", what)
	}
	if v := strings.ToLower(strings.TrimSpace(value)); strings.HasPrefix(v, "js:") || strings.HasPrefix(v, "javascript:") {
		t.Errorf("script in an attribute: %s", what)
	}
	if !strings.HasPrefix(name, "hx-") {
		return
	}
	if el.AttrOr("hx-nonce", "") != testNonce {
		t.Errorf("no nonce beside %s", what)
	}
	if name == "hx-trigger" && strings.Contains(value, "[") {
		t.Errorf("filter in a trigger: %s", what)
	}
	if (name == "hx-get" || name == "hx-post" || name == "hx-delete") && el.AttrOr("id", "") == "" {
		t.Errorf("no id beside %s", what)
	}
}

// checkReferences: what names an element names one that is there.
func checkReferences(t *testing.T, doc *goquery.Document, ids map[string]bool) {
	t.Helper()
	for _, name := range []string{"for", "aria-labelledby", "aria-describedby", "data-copy", "data-blanks"} {
		doc.Find("[" + name + "]").Each(func(_ int, el *goquery.Selection) {
			for _, id := range strings.Fields(el.AttrOr(name, "")) {
				if !ids[id] && id != "dialog-title" {
					t.Errorf("%s=%q leads nowhere", name, id)
				}
			}
		})
	}
	doc.Find(`a[href^="#"]`).Each(func(_ int, el *goquery.Selection) {
		if id := el.AttrOr("href", "")[1:]; !ids[id] {
			t.Errorf("link to #%s leads nowhere", id)
		}
	})
	doc.Find(`input:not([type=hidden]), select`).Each(func(_ int, el *goquery.Selection) {
		id := el.AttrOr("id", "")
		labelled := el.AttrOr("aria-label", "") != "" || el.ParentsFiltered("label").Length() > 0
		if !labelled && doc.Find(fmt.Sprintf("label[for=%q]", id)).Length() != 1 {
			t.Errorf("input %q has no label", id)
		}
	})
}

// checkForms: everything that is posted is posted without scripts too.
func checkForms(t *testing.T, doc *goquery.Document) {
	t.Helper()
	doc.Find("[hx-post]").Each(func(_ int, el *goquery.Selection) {
		form := el.Closest("form")
		if doc.Find("form").Length() == 0 {
			return // a fragment of a form
		}
		if form.Length() == 0 || form.AttrOr("method", "") != "post" || form.AttrOr("action", "") != el.AttrOr("hx-post", "") {
			t.Errorf("hx-post=%q is not the action of its form", el.AttrOr("hx-post", ""))
		}
	})
	doc.Find("a[hx-get]").Each(func(_ int, el *goquery.Selection) {
		if el.AttrOr("href", "") != el.AttrOr("hx-get", "") {
			t.Errorf("the link %q fetches something else", el.Text())
		}
	})
	doc.Find(`form[method="post"]`).Each(func(_ int, el *goquery.Selection) {
		if el.Find(`input[name="_csrf"]`).Length() != 1 || el.AttrOr("action", "") == "" {
			t.Errorf("form to %q without token or address", el.AttrOr("action", ""))
		}
		if el.Find("form").Length() > 0 {
			t.Error("form in a form")
		}
		names := make(map[string]int)
		el.Find("input[name], select[name]").Each(func(_ int, in *goquery.Selection) { names[in.AttrOr("name", "")]++ })
		for name, n := range names {
			if n > 1 && name != "events" && name != "how" {
				t.Errorf("form to %q has %d fields called %s", el.AttrOr("action", ""), n, name)
			}
		}
	})
	doc.Find("button").Each(func(_ int, el *goquery.Selection) {
		if el.AttrOr("type", "") == "" {
			t.Errorf("button %q without type", el.Text())
		}
		if strings.TrimSpace(el.Text()) == "" && el.AttrOr("aria-label", "") == "" {
			t.Error("button without a name")
		}
	})
}

// checkText: no text is a key, no placeholder is left, nothing foreign became
// markup.
func checkText(t *testing.T, doc *goquery.Document, raw []byte) {
	t.Helper()
	if doc.Find("img[onerror], img[src=x]").Length() > 0 || bytes.Contains(raw, []byte("<img src=x")) {
		t.Error("a hostile name became markup")
	}
	if strings.Contains(string(raw), mark) {
		t.Error("the mark of a placeholder was left")
	}
	doc.Find("body *, title").Each(func(_ int, el *goquery.Selection) {
		if el.Children().Length() > 0 || el.Is("code, output, .mono, .url b, script") {
			return
		}
		text := strings.ReplaceAll(el.Text(), hostile, "")
		if placeholder.MatchString(text) || keyLike.MatchString(strings.TrimSpace(text)) {
			t.Errorf("raw text %q", text)
		}
	})
}

func checkPage(t *testing.T, doc *goquery.Document, lang, theme string) {
	t.Helper()
	html := doc.Find("html")
	if html.AttrOr("lang", "") != lang || html.AttrOr("data-theme", "") != theme {
		t.Errorf("html says %q and %q", html.AttrOr("lang", ""), html.AttrOr("data-theme", ""))
	}
	for _, one := range []string{"h1", "main#main", "title", "#toasts", "#alerts", "dialog#dialog", "#offline"} {
		if n := doc.Find(one).Length(); n != 1 {
			t.Errorf("%d of %s", n, one)
		}
	}
	level := 1
	doc.Find("h1, h2, h3").Each(func(_ int, el *goquery.Selection) {
		if n := int(goquery.NodeName(el)[1] - '0'); n > level+1 {
			t.Errorf("heading %q skips a level", el.Text())
		} else {
			level = n
		}
	})
	if doc.Find("[autofocus]").Length() > 1 && doc.Find("[aria-invalid]").Length() < 2 {
		t.Error("more than one field takes the focus")
	}
	doc.Find("script").Each(func(_ int, el *goquery.Selection) {
		if el.AttrOr("nonce", "") != testNonce || el.AttrOr("src", "") == "" || el.Text() != "" {
			t.Error("a script is inline or has no nonce")
		}
	})
	doc.Find("[src], link[href], use").Each(func(_ int, el *goquery.Selection) {
		address := el.AttrOr("src", el.AttrOr("href", ""))
		if rest, ok := strings.CutPrefix(address, static.Prefix); ok {
			hash, name, _ := strings.Cut(rest, "/")
			name, _, _ = strings.Cut(name, "#")
			if _, found := static.Open(hash, name); !found {
				t.Errorf("%s is not there", address)
			}
		}
	})
}

// TestSizes holds the pages to their budgets. How much they weigh when they are
// full is seen where they are sent, by the test of package web.
func TestSizes(t *testing.T) {
	p, err := storyPage("en", "light")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Stories() {
		raw := render(t, s.Make(p))
		small := compressed(t, raw)
		if small > 8<<10 {
			t.Errorf("%s: %d bytes compressed, more than 8 KiB", s.Name, small)
		}
	}
	list := render(t, Instances(listPage(p, 100)))
	t.Logf("list of 100: %d bytes, %d compressed", len(list), compressed(t, list))
	if len(list) > maxList {
		t.Errorf("list of 100: %d bytes, more than %d", len(list), maxList)
	}
}

// maxList is how large a page of 100 instances, the largest, may be before
// compression.
const maxList = 74 << 10

func compressed(tb testing.TB, raw []byte) int {
	tb.Helper()
	var n counter
	w := gzip.NewWriter(&n)
	if _, err := w.Write(raw); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return int(n)
}

type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// TestFragmentsAreInPages: a fragment is drawn by its page too, byte for byte.
func TestFragmentsAreInPages(t *testing.T) {
	p, err := storyPage("pt-BR", "light")
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]Story)
	for _, s := range Stories() {
		byName[s.Name] = s
	}
	for fragment, page := range map[string]string{
		"hook-form": "hook", "hook-toggles": "hook", "hook-deliveries": "hook", "hook-enabled": "hooks",
	} {
		if !bytes.Contains(render(t, byName[page].Make(p)), render(t, byName[fragment].Make(p))) {
			t.Errorf("%s is not in %s as it is", fragment, page)
		}
	}
}

// TestRoles: what a role may not do is not on its pages.
func TestRoles(t *testing.T) {
	p, err := storyPage("en", "light")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Stories() {
		if !strings.HasSuffix(s.Name, "-viewer") {
			continue
		}
		doc, err := goquery.NewDocumentFromReader(bytes.NewReader(render(t, s.Make(p))))
		if err != nil {
			t.Fatal(err)
		}
		doc.Find(`form[method="post"]`).Each(func(_ int, el *goquery.Selection) {
			if a := el.AttrOr("action", ""); !slices.Contains([]string{"/theme", "/language", "/logout"}, a) {
				t.Errorf("%s offers a viewer %s", s.Name, a)
			}
		})
	}
}

func BenchmarkList100(b *testing.B) {
	p, err := storyPage("en", "light")
	if err != nil {
		b.Fatal(err)
	}
	page := listPage(p, 100)
	ctx := templ.WithNonce(context.Background(), testNonce)
	b.ReportAllocs()
	for b.Loop() {
		if err := Instances(page).Render(ctx, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
