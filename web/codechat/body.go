package codechat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
)

// maxDepth bounds how deep a body may be nested; the deepest call of the
// contract has four levels.
const maxDepth = 32

// body is a JSON object of a request. Its methods take values out and collect
// what is wrong, so that a caller hears of everything at once.
type body struct {
	props  map[string]json.RawMessage
	prefix string // of the names in messages: "options."
	taken  map[string]bool
	faults *[]string
}

// readBody reads the body of a request. None at all is an empty object: the
// known client declares JSON with every call and sends nothing with most.
func readBody(c *fiber.Ctx) (*body, error) {
	raw := bytes.TrimSpace(c.Body())
	b := &body{props: map[string]json.RawMessage{}, taken: map[string]bool{}, faults: new([]string)}
	if len(raw) == 0 {
		return b, nil
	}
	if !utf8.Valid(raw) {
		return nil, bad("The body must be UTF-8")
	}
	if err := checkJSON(raw); err != nil {
		return nil, err
	}
	if raw[0] != '{' || json.Unmarshal(raw, &b.props) != nil {
		return nil, bad("The body must be a JSON object")
	}
	return b, nil
}

// checkJSON refuses what a decoder would let pass: two values, a name twice in
// one object (of which each reader may take another one), and nesting without
// end.
func checkJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := checkValue(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return bad("The body must be one JSON value")
	}
	return nil
}

func checkValue(dec *json.Decoder, depth int) error {
	tok, err := dec.Token()
	if err != nil {
		return bad("The body must be valid JSON")
	}
	delim, nested := tok.(json.Delim)
	if !nested {
		return nil
	}
	if depth >= maxDepth {
		return bad("The body is nested too deep")
	}
	seen := make(map[string]bool)
	for dec.More() {
		if delim == '{' {
			name, err := dec.Token()
			text, ok := name.(string)
			if err != nil || !ok {
				return bad("The body must be valid JSON")
			}
			if seen[text] {
				return bad(fmt.Sprintf("property %s must not occur twice", clip(text)))
			}
			seen[text] = true
		}
		if err := checkValue(dec, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return bad("The body must be valid JSON")
	}
	return nil
}

// clip shortens a name of the caller's making for a message.
func clip(text string) string {
	const most = 64
	if utf8.RuneCountInString(text) > most {
		return string([]rune(text)[:most]) + "…"
	}
	return text
}

// fault notes what is wrong with a property.
func (b *body) fault(name, what string) {
	*b.faults = append(*b.faults, b.prefix+name+" "+what)
}

// has says whether a property is there and not null. It counts as taken.
func (b *body) has(name string) bool {
	b.taken[name] = true
	raw, ok := b.props[name]
	return ok && string(raw) != "null"
}

// text takes a string; nil when it is absent.
func (b *body) text(name string, most int) *string {
	if !b.has(name) {
		return nil
	}
	var s string
	switch {
	case json.Unmarshal(b.props[name], &s) != nil:
		b.fault(name, "must be a string")
		return nil
	case utf8.RuneCountInString(s) > most:
		b.fault(name, fmt.Sprintf("must be shorter than or equal to %d characters", most))
		return nil
	}
	return &s
}

// need takes a string that must be there and not be empty.
func (b *body) need(name string, most int) string {
	if !b.has(name) {
		b.fault(name, "should not be empty")
		return ""
	}
	s := b.text(name, most)
	if s == nil {
		return ""
	}
	if *s == "" {
		b.fault(name, "should not be empty")
	}
	return *s
}

// flag takes a boolean; nil when it is absent.
func (b *body) flag(name string) *bool {
	if !b.has(name) {
		return nil
	}
	var v bool
	if json.Unmarshal(b.props[name], &v) != nil {
		b.fault(name, "must be a boolean value")
		return nil
	}
	return &v
}

// number takes a whole number between two limits; nil when it is absent.
func (b *body) number(name string, least, most int64) *int64 {
	if !b.has(name) {
		return nil
	}
	n, err := strconv.ParseInt(string(b.props[name]), 10, 64)
	if err != nil || n < least || n > most {
		b.fault(name, fmt.Sprintf("must be an integer number from %d to %d", least, most))
		return nil
	}
	return &n
}

// float takes a number that must be there.
func (b *body) float(name string) float64 {
	var v float64
	if !b.has(name) || json.Unmarshal(b.props[name], &v) != nil {
		b.fault(name, "must be a number")
	}
	return v
}

// texts takes an array of 1 to most strings that must be there.
func (b *body) texts(name string, most int) []string {
	var list []string
	if !b.has(name) || json.Unmarshal(b.props[name], &list) != nil || len(list) == 0 || len(list) > most {
		b.fault(name, fmt.Sprintf("must be an array of 1 to %d strings", most))
		return nil
	}
	return list
}

// objects takes an array of 1 to most objects that must be there.
func (b *body) objects(name string, most int) []*body {
	var raw []json.RawMessage
	if !b.has(name) || json.Unmarshal(b.props[name], &raw) != nil || len(raw) == 0 || len(raw) > most {
		b.fault(name, fmt.Sprintf("must be an array of 1 to %d objects", most))
		return nil
	}
	list := make([]*body, len(raw))
	for i := range raw {
		place := strconv.Itoa(i)
		in := &body{props: map[string]json.RawMessage{place: raw[i]}, taken: b.taken, faults: b.faults, prefix: b.prefix + name + "."}
		list[i] = in.object(place)
	}
	return list
}

// object takes an object; an empty one when it is absent.
func (b *body) object(name string) *body {
	in := &body{props: map[string]json.RawMessage{}, taken: map[string]bool{}, faults: b.faults, prefix: b.prefix + name + "."}
	if b.has(name) && json.Unmarshal(b.props[name], &in.props) != nil {
		b.fault(name, "must be an object")
	}
	return in
}

// only refuses the properties that nobody has taken. It is for settings: a
// misspelt name must not look like success.
func (b *body) only() {
	names := make([]string, 0, len(b.props))
	for name := range b.props {
		if !b.taken[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), 20)] {
		*b.faults = append(*b.faults, "property "+b.prefix+clip(name)+" should not exist")
	}
}

// err gives everything that is wrong, nil when nothing is.
func (b *body) err() error {
	if len(*b.faults) == 0 {
		return nil
	}
	return bad(*b.faults...)
}
