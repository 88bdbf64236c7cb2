package locale

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/problem"
)

func catalogue(t *testing.T, tag string) map[string]string {
	t.Helper()
	all, err := catalogues()
	if err != nil {
		t.Fatal(err)
	}
	return all[tag]
}

func printer(t *testing.T, tag string) *Printer {
	t.Helper()
	p, err := New(tag)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func placeholders(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// TestCatalogues: all languages have the same texts with the same
// placeholders. Plural categories may differ, but "other" is always there.
func TestCatalogues(t *testing.T) {
	en := catalogue(t, Fallback)
	plural := regexp.MustCompile(`\.(zero|one|two|few|many)$`)
	for _, l := range Languages() {
		texts := catalogue(t, l.Tag)
		if l.Name == "" {
			t.Errorf("%s has no name", l.Tag)
		}
		for key, text := range texts {
			if strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s %s: empty or with white space around", l.Tag, key)
			}
			like, ok := en[key]
			if base := plural.ReplaceAllString(key, ".other"); base != key {
				like, ok = en[base]
			}
			if !ok {
				t.Errorf("%s: %s is not in %s", l.Tag, key, Fallback)
			}
			if got, want := placeholders(text), placeholders(like); !slices.Equal(got, want) && !plural.MatchString(key) {
				t.Errorf("%s %s: placeholders %v, want %v", l.Tag, key, got, want)
			}
		}
		for key := range en {
			if _, ok := texts[key]; !ok && !plural.MatchString(key) {
				t.Errorf("%s lacks %s", l.Tag, key)
			}
		}
	}
}

// TestNoKeyTwice: JSON would silently keep the last.
func TestNoKeyTwice(t *testing.T) {
	key := regexp.MustCompile(`(?m)^  "([^"]+)":`)
	for _, l := range Languages() {
		raw, err := files.ReadFile("translations/" + l.Tag + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(raw) {
			t.Fatalf("%s is no JSON", l.Tag)
		}
		found := key.FindAllStringSubmatch(string(raw), -1)
		if len(found) != len(catalogue(t, l.Tag)) {
			t.Errorf("%s has %d lines and %d keys", l.Tag, len(found), len(catalogue(t, l.Tag)))
		}
		if !slices.IsSortedFunc(found, func(a, b []string) int { return strings.Compare(a[1], b[1]) }) {
			t.Errorf("%s is not sorted", l.Tag)
		}
	}
}

// TestKeysUsed: every key that the source asks for by name exists.
func TestKeysUsed(t *testing.T) {
	texts := catalogue(t, Fallback)
	asked := regexp.MustCompile(`\b[TN]\("([a-z0-9_.]*[a-z0-9_])"|"((?:error|done|delivery)\.[a-z0-9_]+)"`)
	n := 0
	for _, dir := range []string{"../../views", "../../web", "../../internal"} {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") ||
				strings.Contains(name, "webtest") || !slices.Contains([]string{".go", ".templ"}, filepath.Ext(name)) {
				return err
			}
			raw, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for _, m := range asked.FindAllStringSubmatch(string(raw), -1) {
				key := m[1] + m[2]
				n++
				if strings.HasSuffix(key, "_") {
					continue // the beginning of a key
				}
				if _, ok := texts[key]; ok {
					continue
				}
				if _, ok := texts[key+".other"]; !ok {
					t.Errorf("%s asks for %s, which is nowhere", name, key)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 200 {
		t.Errorf("only %d keys found: the pattern no longer fits the source", n)
	}
}

// TestKeysBuilt: keys that are put together from the words of other packages.
func TestKeysBuilt(t *testing.T) {
	var keys []string
	for _, p := range instance.Phases() {
		keys = append(keys, "phase."+string(p), "phase."+string(p)+".text")
	}
	for _, r := range instance.Reasons() {
		keys = append(keys, "reason."+string(r))
	}
	for _, info := range event.All() {
		keys = append(keys, "event."+string(info.Type))
	}
	for _, g := range event.Groups() {
		keys = append(keys, "group."+string(g))
	}
	for _, class := range []string{"private", "loopback", "link_local", "multicast", "unspecified", "reserved", "own"} {
		keys = append(keys, "error.url_refused_"+class, "delivery.failure.refused_"+class,
			"url_class."+strings.ReplaceAll(class, "_", "-"))
	}
	for _, kind := range []problem.Kind{problem.Invalid, problem.Unauthorized, problem.Forbidden, problem.NotFound, problem.Conflict,
		problem.NotConnected, problem.TooLarge, problem.TooMany, problem.Unavailable, problem.Internal} {
		keys = append(keys, "error."+string(kind), "error.title."+string(kind))
	}
	for _, l := range Languages() {
		p := printer(t, l.Tag)
		for _, key := range keys {
			if p.T(key) == key {
				t.Errorf("%s lacks %s", l.Tag, key)
			}
		}
	}
}

func TestLanguages(t *testing.T) {
	all := Languages()
	if all[0].Tag != Fallback {
		t.Errorf("the menu begins with %s", all[0].Tag)
	}
	for _, l := range all {
		if language.Make(l.Tag).String() != l.Tag || !Supported(l.Tag) {
			t.Errorf("%s is not a canonical tag", l.Tag)
		}
		if p := printer(t, l.Tag); p.Lang() != l.Tag {
			t.Errorf("printer of %s says %s", l.Tag, p.Lang())
		}
	}
	for accept, want := range map[string]string{
		"pt-BR,pt;q=0.9,en;q=0.8": "pt-BR", "pt": "pt-BR", "pt-PT": "pt-BR", "en-GB": "en", "xx": "en", "": "en", "de, en;q=0.1": "en",
		"es-419, en;q=0.5": "es", "hi-IN": "hi", "es-MX,es;q=0.9": "es", "\x00;;;": "en",
	} {
		if got := Match(accept); got != want {
			t.Errorf("Match(%q) = %s, want %s", accept, got, want)
		}
	}
}

func TestUnknown(t *testing.T) {
	p := printer(t, "xx")
	if p.Lang() != Fallback || p.T("no.such.key") != "no.such.key" || p.Has("no.such.key") || !p.Has("ui.copy") {
		t.Error("an unknown language is the fallback, an unknown key is itself")
	}
}

func TestFill(t *testing.T) {
	if got := fill("{a} and {b}", []any{"a", "{b}", "b", 2, "odd"}); got != "{b} and 2" {
		t.Errorf("fill = %q", got)
	}
}

func TestPlurals(t *testing.T) {
	for tag, want := range map[string][3]string{
		"en":    {"0 waiting", "one waiting", "2 waiting"},
		"es":    {"0 en espera", "1 en espera", "2 en espera"},
		"hi":    {"0 इंतज़ार में", "1 इंतज़ार में", "2 इंतज़ार में"},
		"pt-BR": {"uma na fila", "uma na fila", "2 na fila"},
	} {
		p := printer(t, tag)
		for n, text := range want {
			if n == 0 && tag == "pt-BR" {
				continue // zero counts as one there, and nobody asks for it
			}
			if got := p.N("hooks.waiting", n); got != text {
				t.Errorf("%s: %d is %q, want %q", tag, n, got, text)
			}
		}
	}
}

func TestFormat(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	en, pt, es, hi := printer(t, "en"), printer(t, "pt-BR"), printer(t, "es"), printer(t, "hi")
	kolkata := time.FixedZone("IST", 5*3600+1800)
	for got, want := range map[string]string{
		en.Time(now.AddDate(0, 0, -10).Add(-89*time.Minute), now): "12 Nov, 10:31 UTC",
		pt.Time(now.AddDate(-1, 0, 0), now):                       "22 de nov. de 2025, 12:00 UTC",
		en.Number(1204):                                           "1,204",
		pt.Number(1204):                                           "1.204",
		pt.Decimal(1.27):                                          "1,3",
		en.Decimal(0.44):                                          "0.4",
		en.Decimal(1203.6):                                        "1,204",
		pt.Number(-1204567):                                       "-1.204.567",
		es.Number(1204):                                           "1204",
		es.Number(12045):                                          "12.045",
		es.Number(1204567):                                        "1.204.567",
		hi.Number(1204567):                                        "12,04,567",
		hi.N("hooks.waiting", 123456):                             "1,23,456 इंतज़ार में",
		hi.In(kolkata).Time(now, now):                             "22 नव॰, 17:30 IST",
		es.Time(now.AddDate(-1, 0, 0), now):                       "22 nov 2025, 12:00 UTC",
		es.Ago(61 * time.Second):                                  "hace 1 min",
		en.Ago(-time.Hour):                                        "just now",
		en.Ago(59 * time.Second):                                  "59 s ago",
		pt.Ago(61 * time.Second):                                  "há 1 min",
		en.Ago(23*time.Hour + 59*time.Minute):                     "23 h ago",
		en.Ago(49 * time.Hour):                                    "2 d ago",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if n := len(en.AgoPatterns()); n != 5 {
		t.Errorf("%d patterns", n)
	}
}
