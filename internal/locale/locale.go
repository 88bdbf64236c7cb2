// Package locale holds every text that people read, one catalogue for each
// language. A text has a key; placeholders are written {name}; a text that
// depends on a number has one entry per plural category of the language: the
// key followed by .one, .many or .other.
package locale

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"pombal/internal/problem"
)

//go:embed translations/*.json
var files embed.FS

// Fallback is the language of a text that a catalogue lacks, and of callers
// whose language is not known.
const Fallback = "en"

// Language is one choice of the language menu.
type Language struct {
	Tag  string // BCP 47, such as pt-BR
	Name string // in the language itself
}

// Languages lists the languages that have a catalogue, in the order of the
// menu: the fallback, then the others by tag. A file more in translations is a
// language more.
func Languages() []Language { return slices.Clone(languages()) }

var languages = sync.OnceValue(func() []Language {
	all, err := catalogues()
	if err != nil { // New says so; here the fallback is all there is
		return []Language{{Fallback, Fallback}}
	}
	list := []Language{{Fallback, all[Fallback][keyName]}}
	for _, tag := range slices.Sorted(maps.Keys(all)) {
		if tag != Fallback {
			list = append(list, Language{tag, all[tag][keyName]})
		}
	}
	return list
})

// keyName is the key of a language's own name.
const keyName = "language.name"

// catalogues are read once, at the first use; afterwards they never change.
var catalogues = sync.OnceValues(func() (map[string]map[string]string, error) {
	all := make(map[string]map[string]string)
	names, err := fs.Glob(files, "translations/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		texts := make(map[string]string)
		if err := json.Unmarshal(raw, &texts); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[strings.TrimSuffix(path.Base(name), ".json")] = texts
	}
	return all, nil
})

// Printer writes texts in one language. It is immutable and safe for
// concurrent use.
type Printer struct {
	tag      language.Tag
	zone     *time.Location // nil is UTC
	texts    map[string]string
	fallback map[string]string
}

// New makes a Printer for a language of Languages; any other tag gives the
// fallback language. It fails only when a catalogue in the binary is broken.
func New(tag string) (*Printer, error) {
	all, err := catalogues()
	if err != nil {
		return nil, err
	}
	texts, ok := all[tag]
	if !ok {
		tag, texts = Fallback, all[Fallback]
	}
	return &Printer{tag: language.Make(tag), texts: texts, fallback: all[Fallback]}, nil
}

// Match finds the best language for an Accept-Language header, or for a bare
// tag.
func Match(accept string) string {
	_, i := language.MatchStrings(matcher(), accept)
	return languages()[i].Tag
}

// matcher takes longer to make than a page to draw, so it is made once.
var matcher = sync.OnceValue(func() language.Matcher {
	var tags []language.Tag
	for _, l := range languages() {
		tags = append(tags, language.Make(l.Tag))
	}
	return language.NewMatcher(tags)
})

// Supported says whether tag has a catalogue.
func Supported(tag string) bool {
	return slices.ContainsFunc(languages(), func(l Language) bool { return l.Tag == tag })
}

// Has says whether a key has a text.
func (p *Printer) Has(key string) bool {
	if _, ok := p.texts[key]; ok {
		return true
	}
	_, ok := p.fallback[key]
	return ok
}

// Lang is the BCP 47 tag for the lang attribute.
func (p *Printer) Lang() string { return p.tag.String() }

// T gives the text of a key. args are name, value, name, value. A key that no
// catalogue has is given back as it is, which a test forbids.
func (p *Printer) T(key string, args ...any) string {
	text, ok := p.texts[key]
	if !ok {
		if text, ok = p.fallback[key]; !ok {
			return key
		}
	}
	return fill(text, args)
}

// N gives the text of a key for a count: the entry of the plural category that
// n has in this language. {n} is the count.
func (p *Printer) N(key string, n int, args ...any) string {
	args = append([]any{"n", p.Number(n)}, args...)
	form := map[plural.Form]string{plural.One: ".one", plural.Many: ".many"}[p.form(n)]
	if form != "" {
		if _, ok := p.texts[key+form]; ok {
			return p.T(key+form, args...)
		}
	}
	return p.T(key+".other", args...)
}

func (p *Printer) form(n int) plural.Form {
	if n < 0 {
		n = -n
	}
	return plural.Cardinal.MatchPlural(p.tag, n, 0, 0, 0, 0)
}

// Text gives a text that came as key and arguments.
func (p *Printer) Text(t problem.Text) string { return p.T(t.Key, t.Args...) }

// fill replaces each {name} by its value, in one pass, so that a value that
// holds braces stays as it is. It is most of the work of drawing a long list,
// so it reads the text itself instead of building a replacer for each call.
func fill(text string, args []any) string {
	if len(args) == 0 || !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 16)
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := argument(args, name)
		if !closed || !known {
			b.WriteByte('{')
			text = rest
			continue
		}
		b.WriteString(value)
		text = after
	}
}

// argument is the value of a name in name, value, name, value as text.
func argument(args []any, name string) (string, bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] != name {
			continue
		}
		switch v := args[i+1].(type) {
		case string:
			return v, true
		case int:
			return strconv.Itoa(v), true
		default:
			return fmt.Sprint(v), true
		}
	}
	return "", false
}
