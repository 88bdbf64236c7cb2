package arch_test

import (
	"fmt"
	"slices"
	"strings"
)

const module = "pombal"

// place is where a package lives and what it may import of ours.
type place struct {
	height int
	// from, when not empty, names the only packages that may import this one.
	from []string
	// heights it may import; nil means all below its own.
	heights []int
	// besides names packages it may import whatever their height.
	besides []string
	// not names packages it must not import although their height would do.
	not []string
}

// places lists every package. Its numbers are heights: a package imports lower
// ones alone, never one of its own height.
func places() map[string]place {
	types := []int{0, 1, 2} // what is not bound to any door, engine or file
	return map[string]place{
		"static":            {height: 0},
		"internal/problem":  {height: 0},
		"internal/qrcode":   {height: 0},
		"internal/crash":    {height: 0},
		"internal/safehttp": {height: 0},
		"internal/service":  {height: 0, from: []string{".", "internal/app"}},
		"internal/live":     {height: 0},
		"internal/wasim":    {height: 0, from: []string{"internal/demo"}},
		"internal/config":   {height: 1},
		"internal/event":    {height: 1},
		"internal/locale":   {height: 1},
		"internal/media":    {height: 1},
		"internal/instance": {height: 2},
		"internal/webhook":  {height: 2},
		"internal/auth":     {height: 2},
		"internal/audit":    {height: 2},
		"internal/upkeep":   {height: 2},
		"internal/store":    {height: 3},
		"internal/whatsapp": {height: 3},
		"internal/wastore":  {height: 4, not: []string{"internal/whatsapp"}},
		"internal/backup":   {height: 4},
		"internal/maintain": {height: 5, heights: []int{0, 1, 2, 3, 4}, from: []string{".", "internal/app"}},
		"views":             {height: 5, heights: types},
		"web/codechat":      {height: 6, heights: types},
		"web/insprl":        {height: 6, heights: types},
		"web":               {height: 7, heights: append([]int{5, 6}, types...)},
		"internal/demo":     {height: 8, heights: types, besides: []string{"internal/wasim"}, from: []string{"internal/app"}},
		"internal/app":      {height: 9, from: []string{"."}},
		".":                 {height: 10},
		"internal/arch":     {height: 0},
	}
}

// owners says who may import a library, by the beginning of its path.
func owners() map[string][]string {
	return map[string][]string{
		"go.etcd.io/bbolt":           {"internal/store", "internal/wastore"},
		"go.mau.fi/whatsmeow":        {"internal/whatsapp", "internal/wastore", "internal/wasim"},
		"github.com/gofiber/fiber":   {"web", "web/httpx", "web/codechat", "web/insprl"},
		"github.com/a-h/templ":       {"views", "web"},
		"github.com/skip2/go-qrcode": {"internal/qrcode"},
		"golang.org/x/crypto/argon2": {"internal/auth"},
		"github.com/golang-jwt/jwt":  {"internal/auth"},
		"github.com/makiuchi-d":      {}, // reads QR codes in tests
		"github.com/chromedp":        {}, // drives a browser in tests
	}
}

// forbidden are packages that nobody needs here: log would bypass the redacted
// log, the others bypass the types.
func forbidden() []string {
	return []string{"reflect", "unsafe", "log", "io/ioutil"}
}

// isTestPackage says whether a package exists for tests: it may import
// anything, and only test files may import it.
func isTestPackage(pkg string) bool {
	return strings.HasSuffix(pkg, "test")
}

// breach checks one import of a file that is no test. pkg is relative to the
// module, "." for main; path is as the source has it. It returns "" when the
// import is right.
func breach(pkg, path string) string {
	if isTestPackage(pkg) {
		return ""
	}
	if slices.Contains(forbidden(), path) {
		return "forbidden everywhere"
	}
	if path == module || strings.HasPrefix(path, module+"/") {
		return insideBreach(pkg, strings.TrimPrefix(strings.TrimPrefix(path, module), "/"))
	}
	for library, who := range owners() {
		if (path == library || strings.HasPrefix(path, library+"/")) && !slices.Contains(who, pkg) {
			return fmt.Sprintf("%s is for %v alone", library, who)
		}
	}
	return ""
}

// insideBreach checks an import of one of our packages by another.
func insideBreach(pkg, target string) string {
	if isTestPackage(target) {
		return "only test files may import it"
	}
	from, ok := places()[pkg]
	if !ok {
		return "the importing package has no place in the table"
	}
	to, ok := places()[target]
	if !ok {
		return "the imported package has no place in the table"
	}
	if len(to.from) > 0 && !slices.Contains(to.from, pkg) {
		return fmt.Sprintf("it is for %v alone", to.from)
	}
	if slices.Contains(from.besides, target) || pkg == "." {
		return ""
	}
	if slices.Contains(from.not, target) {
		return "the table says so"
	}
	if to.height >= from.height {
		return fmt.Sprintf("imports go down: height %d to %d", from.height, to.height)
	}
	if from.heights != nil && !slices.Contains(from.heights, to.height) {
		return fmt.Sprintf("height %d is not among those it may import: %v", to.height, from.heights)
	}
	return ""
}
