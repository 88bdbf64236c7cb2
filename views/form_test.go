package views

import (
	"bytes"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// TestRefusedForms: wherever something typed was refused, its control is marked
// and takes the focus, the reason stands at it, and a summary leads to it.
func TestRefusedForms(t *testing.T) {
	p, err := storyPage("en", "light")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range Stories() {
		doc, err := goquery.NewDocumentFromReader(bytes.NewReader(render(t, s.Make(p))))
		if err != nil {
			t.Fatal(err)
		}
		doc.Find(".error").Each(func(_ int, el *goquery.Selection) {
			if id := el.AttrOr("id", ""); doc.Find(`[aria-invalid][aria-describedby~="`+id+`"]`).Length() != 1 {
				t.Errorf("%s: no control is marked for %q", s.Name, el.Text())
			}
		})
		doc.Find("[aria-invalid]").Each(func(_ int, el *goquery.Selection) {
			n++
			id, by := el.AttrOr("id", ""), strings.Fields(el.AttrOr("aria-describedby", ""))
			if _, focused := el.Attr("autofocus"); !focused {
				t.Errorf("%s: #%s does not take the focus", s.Name, id)
			}
			if len(by) == 0 || doc.Find("#"+by[0]+".error").Length() != 1 {
				t.Errorf("%s: #%s is not told what is wrong with it", s.Name, id)
			}
			if el.Closest(".pair").Length() == 0 && doc.Find(`.note.bad[role=alert] a[href="#`+id+`"]`).Length() != 1 {
				t.Errorf("%s: no summary leads to #%s", s.Name, id)
			}
		})
	}
	if n < 12 {
		t.Errorf("only %d refused controls among the stories", n)
	}
}

// TestRetentionSummaryNamesFields: one sentence about all fields is not said
// once for each.
func TestRetentionSummaryNamesFields(t *testing.T) {
	p, err := storyPage("en", "light")
	if err != nil {
		t.Fatal(err)
	}
	text := p.T.T("error.days", "max", 3650)
	page := RetentionPage{Page: p, Errors: FieldErrors{"events": text, "audit": text}}
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(render(t, Retention(page))))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(doc.Find(".note.bad a").Map(func(_ int, el *goquery.Selection) string { return el.Text() }), ", ")
	if want := p.T.T("retention.events") + ", " + p.T.T("retention.audit"); got != want {
		t.Errorf("the summary says %q, want %q", got, want)
	}
}
