package crash

import "regexp"

// masks are what may stand in the runtime's words and is nobody's business: a
// panic can quote whatever the program worked on.
var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?`), "[token]"},
	{regexp.MustCompile(`\b(?:whsec|pk|sk)_\w+`), "[key]"},
	{regexp.MustCompile(`(?i)\b(bearer|basic) +[\w.~+/=-]{6,}`), "$1 [hidden]"},
	{regexp.MustCompile(`(?i)\b([\w-]*(?:password|passwd|secret|token|api-?_?key|authorization))(["']? *[:=] *["']?)[^\s"',}&]+`), "$1$2[hidden]"},
	{regexp.MustCompile(`(://)[^/\s@]+@`), "$1[hidden]@"},
	{regexp.MustCompile(`\+?\d{4,13}(\d{2}(?:[.:]\d+)*@[a-z.]+)`), "…$1"},
	{regexp.MustCompile(`\+\d{5,13}(\d{2})\b`), "+…$1"},
}

// run is what keys and QR codes look like: long, of letters and digits.
var run = regexp.MustCompile(`[A-Za-z0-9+=_-]{32,}`)

var (
	hasDigit = regexp.MustCompile(`\d`)
	hasUpper = regexp.MustCompile(`[A-Z]`)
	hasLower = regexp.MustCompile(`[a-z]`)
)

// Mask hides from the text of a crash what can be a secret or a phone number,
// and leaves names of functions, files and lines.
func Mask(text string) string {
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.with)
	}
	return run.ReplaceAllStringFunc(text, func(s string) string {
		if hasDigit.MatchString(s) && hasUpper.MatchString(s) && hasLower.MatchString(s) {
			return "[hidden]"
		}
		return s
	})
}
