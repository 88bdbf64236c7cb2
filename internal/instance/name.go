package instance

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"pombal/internal/problem"
)

// maxName is the most characters a name may have.
const maxName = 64

// CleanName trims a name and checks it: 1–64 letters, digits, space, hyphen,
// underscore, full stop. problem.Invalid names the field "name".
func CleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	n := utf8.RuneCountInString(name)
	if n < 1 || n > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, notInName) {
		return "", problem.InvalidField("name", "error.name_invalid")
	}
	return name, nil
}

// notInName lets combining marks pass: Hindi names need them.
func notInName(c rune) bool {
	return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) && !strings.ContainsRune(" -_.", c)
}

// cleanID checks an id chosen by the creator: 1–64 lower-case letters, digits,
// hyphens. It becomes part of keys and addresses.
func cleanID(id string) (string, error) {
	bad := func(c rune) bool {
		return !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-'
	}
	if len(id) < 1 || len(id) > 64 || strings.ContainsFunc(id, bad) {
		return "", problem.InvalidField("externalId", "error.external_id")
	}
	return id, nil
}
