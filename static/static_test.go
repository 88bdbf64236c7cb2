package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math"
	"regexp"
	"strings"
	"testing"
)

// TestVendored pins what comes from others, byte for byte.
func TestVendored(t *testing.T) {
	for name, want := range map[string]string{
		"vendor/htmx.min.js":   "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
		"vendor/hx-sse.min.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
		"vendor/hx-csp.min.js": "a7e1e6711ae6c3e50ad300fba7936cbe8d07599cdae313414a179ddd6b26e143",
	} {
		raw, err := FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s is not the pinned file", name)
		}
	}
}

// TestBudgets holds the files to what a first visit may cost.
func TestBudgets(t *testing.T) {
	for name, limit := range map[string]int{
		"css/app.css": 8 << 10, "js/app.js": 4 << 10, Bundle: 22 << 10, "icons/sprite.svg": 4 << 10,
		"icons/favicon.svg": 1 << 10, "icons/favicon-attention.svg": 1 << 10,
	} {
		a, ok := assets()[name]
		if !ok {
			t.Fatalf("%s is missing", name)
		}
		n := len(a.Bytes)
		if a.Gzip != nil {
			n = len(a.Gzip)
		}
		t.Logf("%s: %d bytes, %d compressed", name, len(a.Bytes), n)
		if n > limit {
			t.Errorf("%s: %d bytes compressed, more than %d", name, n, limit)
		}
	}
}

func TestOpen(t *testing.T) {
	err := fs.WalkDir(FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		checkOpen(t, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	checkOpen(t, Bundle)
	for _, address := range [][2]string{{"", "css/app.css"}, {"0123456789ab", "css/app.css"}, {assets()["css/app.css"].Hash, "js/app.js"},
		{"missing", "nothing"}, {"", "../static.go"}, {assets()["css/app.css"].Hash, "css/../css/app.css"}} {
		if _, ok := Open(address[0], address[1]); ok {
			t.Errorf("Open(%q, %q) found something", address[0], address[1])
		}
	}
	if URL("nothing") != "/static/missing/nothing" {
		t.Errorf("URL of nothing: %s", URL("nothing"))
	}
}

func checkOpen(t *testing.T, name string) {
	t.Helper()
	hash, rest, _ := strings.Cut(strings.TrimPrefix(URL(name), Prefix), "/")
	a, ok := Open(hash, rest)
	if !ok || rest != name {
		t.Fatalf("%s does not open under its own address %s", name, URL(name))
	}
	if a.ContentType == "" || len(a.ETag) < 10 || a.GzipETag() == a.ETag {
		t.Errorf("%s: type %q, tags %q and %q", name, a.ContentType, a.ETag, a.GzipETag())
	}
	if a.Gzip == nil {
		return
	}
	r, err := gzip.NewReader(bytes.NewReader(a.Gzip))
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := io.ReadAll(r); err != nil || !bytes.Equal(raw, a.Bytes) {
		t.Errorf("%s: the compressed bytes are others (%v)", name, err)
	}
}

// TestOwnScript: what the policy of the pages forbids is not in our script.
func TestOwnScript(t *testing.T) {
	raw, err := FS.ReadFile("js/app.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "localStorage", "sessionStorage", "setAttribute('style"} {
		if bytes.Contains(raw, []byte(word)) {
			t.Errorf("app.js has %q", word)
		}
	}
}

// TestContrast recomputes the contrast of the colours from the style sheet, by
// WCAG's formula.
func TestContrast(t *testing.T) {
	css, err := FS.ReadFile("css/app.css")
	if err != nil {
		t.Fatal(err)
	}
	tokens := make(map[string][2]string)
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllStringSubmatch(string(css), -1) {
		tokens[m[1]] = [2]string{m[2], m[3]}
	}
	text := [][2]string{
		{"text", "bg"}, {"text", "surface"}, {"text", "sunken"}, {"muted", "bg"}, {"muted", "surface"}, {"muted", "sunken"},
		{"link", "bg"}, {"link", "surface"}, {"link", "accent-soft"}, {"on-accent", "accent"}, {"on-accent", "accent-hover"},
		{"text", "accent-soft"}, {"muted", "accent-soft"}, {"accent", "surface"}, {"ok", "ok-soft"}, {"warn", "warn-soft"},
		{"bad", "bad-soft"}, {"info", "info-soft"}, {"idle", "idle-soft"}, {"text", "ok-soft"}, {"text", "warn-soft"},
		{"text", "bad-soft"}, {"text", "info-soft"}, {"muted", "warn-soft"}, {"bad", "surface"}, {"on-danger", "danger"},
	}
	parts := [][2]string{{"control-border", "surface"}, {"control-border", "bg"}, {"focus", "surface"}, {"focus", "bg"}, {"accent", "bg"}}
	check := func(pairs [][2]string, least float64) {
		for _, pair := range pairs {
			for theme, name := range []string{"light", "dark"} {
				front, back := tokens[pair[0]], tokens[pair[1]]
				if front[0] == "" || back[0] == "" {
					t.Fatalf("no colour %s or %s", pair[0], pair[1])
				}
				if got := contrast(front[theme], back[theme]); got < least {
					t.Errorf("%s on %s, %s: %.2f, less than %.1f", pair[0], pair[1], name, got, least)
				}
			}
		}
	}
	check(text, 4.5)
	check(parts, 3)
}

func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05)
}

func luminance(hexColour string) float64 {
	var rgb [3]int
	if _, err := fmt.Sscanf(hexColour, "#%02x%02x%02x", &rgb[0], &rgb[1], &rgb[2]); err != nil {
		return math.NaN()
	}
	linear := func(c int) float64 {
		v := float64(c) / 255
		if v <= 0.03928 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(rgb[0]) + 0.7152*linear(rgb[1]) + 0.0722*linear(rgb[2])
}

// TestTight: the style sheet that is sent says what its source says.
func TestTight(t *testing.T) {
	raw, err := FS.ReadFile("css/app.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, quoted := range regexp.MustCompile(`"[^"\n]*"`).FindAll(raw, -1) {
		if string(tight(quoted)) != string(quoted)+"\n" {
			t.Errorf("%s would be sent as %s", quoted, tight(quoted))
		}
	}
	bare := func(css []byte) string { return strings.Join(strings.Fields(string(css)), "") }
	if bare(tight(raw)) != bare(raw) {
		t.Error("more than spaces is left out")
	}
	const source = "a:hover {\n  color: red; margin: 0 auto; }\nb, i > u { c: d }\n"
	if got, want := string(tight([]byte(source))), "a:hover{color:red;margin:0 auto;}b,i > u{c:d}"; got != want {
		t.Errorf("tight gives %q, want %q", got, want)
	}
}
