package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pombal/internal/locale"
	"pombal/internal/problem"
	"pombal/internal/safehttp"
	"pombal/internal/webhook"
)

// Every catalogue key that this package names has a text in every language.
func TestTextsExist(t *testing.T) {
	t.Parallel()
	kinds := []problem.Kind{
		problem.Invalid, problem.Unauthorized, problem.Forbidden, problem.NotFound, problem.Conflict, problem.NotConnected,
		problem.TooLarge, problem.TooMany, problem.Unavailable, problem.Internal, "host", "method", "bad_request",
	}
	var keys []string
	for _, k := range kinds {
		keys = append(keys, "error."+string(k), "error.title."+string(k))
	}
	keys = append(keys, keysInCode(t)...)
	keys = append(keys, keysOfWebhooks()...)
	for _, l := range locale.Languages() {
		p, err := locale.New(l.Tag)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if p.T(key) == key {
				t.Errorf("%s has no text for %s", l.Tag, key)
			}
		}
	}
}

// keysOfWebhooks are the keys that the lower packages make: of a URL that is
// refused, of a delivery that failed or was given up, and of what a catcher says.
func keysOfWebhooks() []string {
	keys := webhook.Reasons()
	for _, f := range safehttp.Faults() {
		keys = append(keys, "error.url_"+string(f))
	}
	for _, c := range safehttp.Classes() {
		keys = append(keys, "error.url_refused_"+strings.ReplaceAll(string(c), "-", "_"))
	}
	for _, f := range webhook.Failures() {
		keys = append(keys, "delivery.failure."+string(f))
	}
	for _, v := range webhook.Verdicts() {
		keys = append(keys, string(v))
	}
	return keys
}

// keysInCode are the string literals of the package that look like keys.
func keysInCode(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	isKey := regexp.MustCompile(`^(error|done)\.[a-z_.]*[a-z]$`)
	var keys []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, found := n.(*ast.BasicLit); found && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && isKey.MatchString(text) {
					keys = append(keys, text)
				}
			}
			return true
		})
	}
	if len(keys) < 20 {
		t.Errorf("only %d keys were found", len(keys))
	}
	return keys
}
