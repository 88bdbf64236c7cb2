// Package static holds what browsers may keep for ever: the style sheet, the
// scripts, the icons. Each file has an address that carries a hash of its
// content, so a changed file has another address and an old one never lies.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"path"
	"strings"
	"sync"
)

// FS is every file that is served, by its name.
//
//go:embed css/*.css js/*.js vendor/*.js icons/*.svg
var FS embed.FS

// Prefix is where the files are served: Prefix + hash + "/" + name.
const Prefix = "/static/"

// Bundle is every script in one file, in the order in which they must run. One
// file, because htmx starts itself as soon as it has run: an extension in a
// file of its own could come too late to be asked.
const Bundle = "js/pombal.js"

// notice says whose work the bundle holds; the licence text lies beside the
// files.
const notice = "/*! htmx 4.0.1, hx-sse, hx-csp: Zero-Clause BSD */\n"

// bundled are the parts of Bundle.
func bundled() []string {
	return []string{"vendor/htmx.min.js", "vendor/hx-sse.min.js", "vendor/hx-csp.min.js", "js/app.js"}
}

// Asset is one file, ready to be sent.
type Asset struct {
	Bytes       []byte
	Gzip        []byte // nil when compressing does not pay
	ContentType string
	ETag        string // strong; the same for both encodings is wrong, so it names the plain bytes
	Hash        string // of Bytes, as its address carries it
}

// GzipETag is the strong ETag of the compressed bytes.
func (a Asset) GzipETag() string { return a.ETag[:len(a.ETag)-1] + `-gz"` }

// assets are read and compressed once, at the first use; afterwards they never
// change.
var assets = sync.OnceValue(func() map[string]Asset {
	all := make(map[string]Asset)
	// An embedded file system cannot fail to be walked or read.
	_ = fs.WalkDir(FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := FS.ReadFile(name)
		if err != nil {
			return err
		}
		switch path.Dir(name) {
		case "js":
			raw = lean(raw)
		case "css":
			raw = tight(raw)
		}
		all[name] = newAsset(name, raw)
		return nil
	})
	var scripts [][]byte
	for _, name := range bundled() {
		scripts = append(scripts, all[name].Bytes)
	}
	all[Bundle] = newAsset(Bundle, append([]byte(notice), bytes.Join(scripts, []byte("\n;\n"))...))
	return all
})

// lean leaves out the comment lines and the indentation of our own script:
// readers of the source need them, browsers do not.
func lean(raw []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(raw) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			out.Write(line)
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// tight leaves out the spaces of a style sheet that mean nothing: those at the
// start of lines and beside braces, colons, commas and semicolons. What stands
// in quotes there has none of them, which a test sees to.
func tight(raw []byte) []byte {
	spaces := strings.NewReplacer(" { ", "{", ": ", ":", ", ", ",", "; ", ";", " {", "{", "{ ", "{", " }", "}")
	var out strings.Builder
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		out.WriteString(spaces.Replace(line))
		if line != "" && !strings.ContainsAny(line[len(line)-1:], "{};,") {
			out.WriteByte('\n')
		}
	}
	return []byte(out.String())
}

func newAsset(name string, raw []byte) Asset {
	sum := sha256.Sum256(raw)
	a := Asset{
		Bytes:       raw,
		ContentType: contentType(name),
		ETag:        `"` + hex.EncodeToString(sum[:16]) + `"`,
		Hash:        hex.EncodeToString(sum[:6]),
	}
	if small := compress(raw); len(small) < len(raw) {
		a.Gzip = small
	}
	return a
}

// contentType does not ask the machine's own table, which differs between
// systems, for the types that we have.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(ext)
	}
}

// compress gives raw as gzip. Writing to memory cannot fail.
func compress(raw []byte) []byte {
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return raw
	}
	if _, err := w.Write(raw); err != nil {
		return raw
	}
	if err := w.Close(); err != nil {
		return raw
	}
	return buf.Bytes()
}

// URL is the address of a file, such as "css/app.css". A name that does not
// exist gives an address that answers 404; a test forbids such names.
func URL(name string) string {
	a, ok := assets()[name]
	if !ok {
		return Prefix + "missing/" + name
	}
	return Prefix + a.Hash + "/" + name
}

// Open finds a file by the two parts of its address. ok is false when there is
// no such file or its content has another hash.
func Open(hash, name string) (Asset, bool) {
	a, ok := assets()[name]
	if !ok || a.Hash != hash {
		return Asset{}, false
	}
	return a, true
}
