package webhook

import (
	"strings"

	"pombal/internal/problem"
)

// The limits of a webhook's own headers.
const (
	MaxHeaders     = 20
	MaxHeaderBytes = 4 << 10
)

// Header is a header that a webhook's calls carry.
type Header struct{ Name, Value string }

// Headers are the headers that a webhook's calls carry beside ours: lines of
// "Name: value". It is a text so that webhooks can be compared.
type Headers string

// Masked stands for a value that is not shown. Sent back in a form, it means
// the value that is stored.
const Masked = "••••••••"

// ParseHeaders reads lines of "Name: value". A masked value is taken from
// stored. What is wrong comes in problem fields named "headers".
func ParseHeaders(text string, stored Headers) (Headers, error) {
	var list []Header
	size := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		h := Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)}
		if h.Value == Masked {
			h.Value = stored.get(h.Name)
		}
		if !ok || !isToken(h.Name) || !isFieldValue(h.Value) {
			return "", headerFault("error.header_form", "name", shortened(h.Name))
		}
		if reserved(h.Name) {
			return "", headerFault("error.header_reserved", "name", shortened(h.Name))
		}
		if find(list, h.Name) != "" {
			return "", headerFault("error.header_twice", "name", shortened(h.Name))
		}
		size += len(h.Name) + len(h.Value) + len(": \r\n")
		list = append(list, h)
	}
	if len(list) > MaxHeaders || size > MaxHeaderBytes {
		return "", headerFault("error.headers_limit", "n", MaxHeaders, "kib", MaxHeaderBytes>>10)
	}
	var b strings.Builder
	for _, h := range list {
		b.WriteString(h.Name + ": " + h.Value + "\n")
	}
	return Headers(b.String()), nil
}

// List gives the headers one by one.
func (hs Headers) List() []Header {
	var list []Header
	for line := range strings.Lines(string(hs)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		list = append(list, Header{name, value})
	}
	return list
}

// find gives the value of a header, "" when it is not in the list: none is
// empty.
func find(list []Header, name string) string {
	for _, h := range list {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

func headerFault(key string, args ...any) error {
	return problem.WithFields(problem.Invalid, field("headers", key, args...)...)
}

func shortened(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), 40)], "")
}

// Masked gives the lines with all values masked: they are credentials as often
// as not, and a page is looked at by others.
func (hs Headers) Masked() string {
	var b strings.Builder
	for _, h := range hs.List() {
		b.WriteString(h.Name + ": " + Masked + "\n")
	}
	return b.String()
}

func (hs Headers) get(name string) string { return find(hs.List(), name) }

// isToken says whether text is a token of RFC 9110, section 5.6.2.
func isToken(text string) bool {
	if text == "" {
		return false
	}
	for _, c := range []byte(text) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}

// isFieldValue says whether text is a field value of RFC 9110, section 5.5, of
// visible ASCII characters, spaces and tabs. Others are obsolete and arrive as
// anybody's guess.
func isFieldValue(text string) bool {
	for _, c := range []byte(text) {
		if c != '\t' && (c < 0x20 || c > 0x7e) {
			return false
		}
	}
	return text != ""
}

// reserved says of which headers the connection, or we, are the master.
func reserved(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect",
		"content-length", "content-type", "content-encoding", "accept-encoding", "user-agent",
		"x-businessid", "x-instanceid", "x-whatsappid", headerReplayed:
		return true
	}
	return strings.HasPrefix(name, "proxy-") || strings.HasPrefix(name, "webhook-")
}
