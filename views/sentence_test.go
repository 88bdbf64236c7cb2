package views

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"pombal/internal/instance"
	"pombal/internal/locale"
)

// eachLanguage draws a component in every language.
func eachLanguage(t *testing.T, draw func(Page) templ.Component, check func(t *testing.T, p Page, doc *goquery.Document)) {
	t.Helper()
	for _, l := range locale.Languages() {
		p, err := storyPage(l.Tag, "light")
		if err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(bytes.NewReader(render(t, draw(p))))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(l.Tag, func(t *testing.T) { check(t, p, doc) })
	}
}

// squeezed is the text of what a selector finds, each white space as one blank.
func squeezed(doc *goquery.Document, selector string) string {
	return strings.Join(strings.Fields(doc.Find(selector).Text()), " ")
}

// TestTimesInHistory: a time in a sentence of the history is an element, which
// the script puts into the zone of the browser.
func TestTimesInHistory(t *testing.T) {
	until := storyTime().Add(5 * time.Hour)
	in := storyInstance(instance.PhaseBanned, instance.ReasonTempBan)
	moments := []instance.Moment{
		{Kind: instance.MomentReachout, At: storyTime(), Until: until},
		{Kind: instance.MomentPhase, At: storyTime(), Phase: instance.PhaseBanned, Reason: instance.ReasonTempBan, Until: until},
	}
	eachLanguage(t, func(p Page) templ.Component {
		return HistoryCard(HistoryPart{Page: p, Instance: in, Moments: moments})
	}, func(t *testing.T, p Page, doc *goquery.Document) {
		doc.Find(".moments li").Each(func(_ int, el *goquery.Selection) {
			if v := el.Find("span time").AttrOr("datetime", ""); v != stamp(until) {
				t.Errorf("the time in %q is %q", el.Text(), v)
			}
		})
	})
}

// TestNumbersStayOnOneLine: a phone number in a sentence is an element that the
// style sheet keeps together.
func TestNumbersStayOnOneLine(t *testing.T) {
	const grouped = "+55 11 98765-0001"
	in := storyInstance(instance.PhaseLoggedOut, instance.ReasonPhoneRemoved)
	typed := &instance.TypedCode{Code: "K7QD2MXA", Phone: "5511987650001", Other: "551187650001", ExpiresAt: storyTime().Add(time.Minute)}
	code := storyInstance(instance.PhaseCode, instance.ReasonNone)
	identity := instance.Moment{Kind: instance.MomentIdentity, At: storyTime(), Detail: "5511987650001@s.whatsapp.net"}
	for name, draw := range map[string]func(Page) templ.Component{
		"other number": func(p Page) templ.Component { return QRPanel(InstancePanel{Page: p, Instance: in}) },
		"typed code":   func(p Page) templ.Component { return QRPanel(InstancePanel{Page: p, Instance: code, Typed: typed}) },
		"identity": func(p Page) templ.Component {
			return HistoryCard(HistoryPart{Page: p, Instance: in, Moments: []instance.Moment{identity}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachLanguage(t, draw, func(t *testing.T, _ Page, doc *goquery.Document) {
				if doc.Find(".num").First().Text() != grouped {
					t.Errorf("%q is no element in %q", grouped, squeezed(doc, "section"))
				}
				doc.Find(".num").Remove()
				if text := squeezed(doc, "p, label, li"); strings.Contains(text, "98765") {
					t.Errorf("a number is bare in %q", text)
				}
			})
		})
	}
}

// TestZoneOfTimes: the foot of a page says whose times it shows, with scripts
// and without.
func TestZoneOfTimes(t *testing.T) {
	eachLanguage(t, func(p Page) templ.Component {
		p.Demo = nil
		return Shortcuts(ShortcutsPage{p})
	}, func(t *testing.T, p Page, doc *goquery.Document) {
		if own := squeezed(doc, ".foot .js"); !strings.Contains(own, p.T.T("ui.times")) {
			t.Errorf("with scripts: %q", own)
		}
		if utc := squeezed(doc, ".foot .nojs"); !strings.Contains(utc, p.T.T("ui.times.in", "zone", "UTC")) {
			t.Errorf("without scripts: %q", utc)
		}
	})
	zone, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		t.Fatal(err)
	}
	eachLanguage(t, func(p Page) templ.Component {
		p.Demo, p.T = nil, p.T.In(zone)
		return Shortcuts(ShortcutsPage{p})
	}, func(t *testing.T, p Page, doc *goquery.Document) {
		text := squeezed(doc, ".foot")
		if !strings.Contains(text, p.T.T("ui.times.in", "zone", "America/Sao Paulo")) || strings.Contains(text, p.T.T("ui.times")) {
			t.Errorf("in a chosen zone: %q", text)
		}
	})
}

// TestEndOfLinking: what is said of a code speaks of the code that ended.
func TestEndOfLinking(t *testing.T) {
	for reason, want := range map[instance.Reason]string{
		instance.ReasonNone: "link_expired", instance.ReasonCodesSpent: "link_expired", instance.ReasonCodeExpired: "code_expired",
		instance.ReasonNobodyWatches: "nobody_watches", instance.ReasonPasskeyTimeout: "passkey_timeout",
		instance.ReasonNoAnswer: "broke_off", instance.ReasonUnreachable: "broke_off",
	} {
		p := InstancePanel{Instance: storyInstance(instance.PhaseLinkExpired, reason)}
		if got := p.ending(); got != want {
			t.Errorf("%q ends as %q, want %q", reason, got, want)
		}
	}
	eachLanguage(t, func(p Page) templ.Component {
		return QRPanel(InstancePanel{Page: p, Instance: storyInstance(instance.PhaseLinkExpired, instance.ReasonPasskeyTimeout)})
	}, func(t *testing.T, p Page, doc *goquery.Document) {
		if text := squeezed(doc, ".end"); !strings.Contains(text, p.T.T("pair.end.passkey_timeout.text")) || strings.Contains(text, p.T.T("pair.end.link_expired.text")) {
			t.Errorf("it says %q", text)
		}
	})
}

// TestEngineAge: an age in colour is explained, a good one is not.
func TestEngineAge(t *testing.T) {
	for days, want := range map[int][2]string{10: {"ok", ""}, 93: {"warn", "version.old"}, 200: {"bad", "version.ancient"}} {
		eachLanguage(t, func(p Page) templ.Component {
			v := WhatsAppPage{Page: p, Versions: storyVersions()}
			v.Versions.EngineDate = p.Now.AddDate(0, 0, -days)
			return WhatsApp(v)
		}, func(t *testing.T, p Page, doc *goquery.Document) {
			if doc.Find(".facts .badge."+want[0]).Length() != 1 {
				t.Errorf("%d days: not %s", days, want[0])
			}
			text := squeezed(doc, "#engine-age")
			if want[1] == "" && text != "" || want[1] != "" && text != p.T.T(want[1]) {
				t.Errorf("%d days: %q", days, text)
			}
		})
	}
}

// TestBulkSpeaksOfOne: what is asked about one instance is said of one.
func TestBulkSpeaksOfOne(t *testing.T) {
	for _, act := range []string{"hooks_off", "hooks_on", "logout", "off", "on", "untag"} {
		texts := make(map[int]string)
		for _, n := range []int{1, 2} {
			eachLanguage(t, func(p Page) templ.Component { return Bulk(bulkPage(p, act, n)) }, func(_ *testing.T, _ Page, doc *goquery.Document) {
				texts[n] += strings.TrimSpace(doc.Find(".ask > p").First().Text()) + "\n"
			})
		}
		one, two := strings.Split(texts[1], "\n"), strings.Split(texts[2], "\n")
		for i := range locale.Languages() {
			if one[i] == "" || one[i] == two[i] {
				t.Errorf("%s: %q is said of one and of two", act, one[i])
			}
		}
	}
}
