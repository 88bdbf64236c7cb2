package arch_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// root is the folder of the module, seen from this package.
const root = "../.."

// sources calls visit for each Go file of the module.
func sources(t *testing.T, visit func(pkg, file string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && file != root && (strings.HasPrefix(name, ".") || name == "testdata") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(dir), file)
		return nil
	})
	if err != nil {
		t.Fatalf("read the module: %v", err)
	}
}

func TestImportsKeepTheOrder(t *testing.T) {
	t.Parallel()
	files := 0
	sources(t, func(pkg, file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		files++
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("parse: %v", err)
			return
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if why := breach(pkg, imported); why != "" {
				t.Errorf("%s must not import %q: %s", path.Join(pkg, filepath.Base(file)), imported, why)
			}
		}
	})
	if files < 10 {
		t.Errorf("only %d files were found; is the module elsewhere?", files)
	}
}

func TestEveryPackageHasAPlaceAndAComment(t *testing.T) {
	t.Parallel()
	comments := make(map[string]bool)
	sources(t, func(pkg, file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Errorf("parse: %v", err)
			return
		}
		comments[pkg] = comments[pkg] || parsed.Doc != nil
	})
	for pkg, has := range comments {
		if _, ok := places()[pkg]; !ok && !isTestPackage(pkg) {
			t.Errorf("%s has no place in the table", pkg)
		}
		if !has {
			t.Errorf("%s has no package comment", pkg)
		}
	}
	for pkg := range places() {
		if _, ok := comments[pkg]; !ok {
			t.Errorf("%s is in the table but not in the module", pkg)
		}
	}
}

func TestBreachesAreCaught(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pkg, imported string
		ok            bool
	}{
		{".", "pombal/internal/wastore", true},
		{".", "pombal/internal/app", true},
		{"internal/app", "pombal/internal/wastore", true},
		{"internal/app", "pombal/internal/demo", true},
		{"internal/app", "pombal/web", true},
		{"internal/demo", "pombal/internal/wasim", true},
		{"internal/demo", "pombal/internal/locale", true},
		{"internal/locale", "pombal/internal/problem", true},
		{"internal/store", "pombal/internal/webhook", true},
		{"internal/wastore", "pombal/internal/store", true},
		{"web/codechat", "pombal/internal/webhook", true},
		{"web", "pombal/web/codechat", true},
		{"web", "pombal/views", true},
		{"web", "github.com/gofiber/fiber/v2", true},
		{"web/webtest", "pombal/internal/store", true},
		{"internal/store", "go.etcd.io/bbolt/errors", true},
		{"internal/wasim", "go.mau.fi/whatsmeow/types", true},
		{"internal/store", "github.com/skip2/go-qrcodes", true}, // another library
		{"internal/store", "log/slog", true},

		{"internal/event", "pombal/internal/instance", false},   // up
		{"internal/instance", "pombal/internal/webhook", false}, // sideways
		{"internal/store", "pombal/internal/whatsapp", false},   // sideways
		{"internal/wastore", "pombal/internal/whatsapp", false}, // named exception
		{"web", "pombal/internal/store", false},                 // down, but past its reach
		{"views", "pombal/internal/store", false},               // the same
		{"web/insprl", "pombal/views", false},                   // the same
		{"internal/demo", "pombal/internal/store", false},       // past its reach
		{"internal/whatsapp", "pombal/internal/wasim", false},   // the stand-in serves the demo and tests
		{"web", "pombal/internal/wasim", false},                 // the same
		{".", "pombal/internal/wasim", false},                   // the same
		{"web", "pombal/internal/demo", false},                  // the product's alone
		{"web", "pombal/internal/app", false},                   // main's alone
		{"views", "pombal/web", false},                          // up
		{"web/codechat", "pombal/web/insprl", false},            // sideways
		{"internal/store", "pombal/internal/store/storetest", false},
		{".", "pombal/web/webtest", false},
		{"internal/store", "pombal", false},
		{"internal/unknown", "pombal/internal/problem", false},
		{"web", "pombal/internal/unknown", false},
		{"web", "go.etcd.io/bbolt", false},
		{"internal/instance", "go.mau.fi/whatsmeow/types", false},
		{"internal/demo", "go.mau.fi/whatsmeow", false},
		{"views", "github.com/gofiber/fiber/v2/utils", false},
		{"web/codechat", "github.com/a-h/templ", false},
		{"views", "github.com/skip2/go-qrcode", false},
		{"web", "golang.org/x/crypto/argon2", false},
		{"web", "github.com/golang-jwt/jwt/v5", false},
		{"internal/event", "reflect", false},
		{"internal/event", "unsafe", false},
		{".", "log", false},
		{".", "io/ioutil", false},
	}
	for _, tt := range tests {
		if why := breach(tt.pkg, tt.imported); (why == "") != tt.ok {
			t.Errorf("%s imports %s: got %q, want ok=%t", tt.pkg, tt.imported, why, tt.ok)
		}
	}
}
