package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"pombal/internal/problem"
	"pombal/internal/safehttp"
)

func newDesk(t *testing.T, web Web) *Desk {
	t.Helper()
	d, err := NewDesk(t.TempDir(), web)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// left are the files that the desk has on disk.
func (d *Desk) left(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// field is the name and the text of a refusal's one field.
func field(err error) string {
	p := problem.As(err)
	if p == nil || len(p.Fields) != 1 {
		return "none"
	}
	return p.Fields[0].Name + " " + p.Fields[0].Text.Key
}

func TestTake(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	f, err := d.Take(t.Context(), bytes.NewReader(picture(t)), `C:\pictures\receipt.png`)
	if err != nil {
		t.Fatal(err)
	}
	if f.MIME != "image/png" || f.Width != 3 || f.Height != 2 || f.Name != "receipt.png" || f.Size != int64(len(picture(t))) {
		t.Errorf("file = %+v", f)
	}
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, picture(t)) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.Take(t.Context(), strings.NewReader(""), "x"); field(err) != "file error.media_empty" {
		t.Errorf("empty: %v", err)
	}
	d.max = 4
	if _, err := d.Take(t.Context(), strings.NewReader("12345"), "x"); field(err) != "file error.media_large" {
		t.Errorf("too large: %v", err)
	}
	if f, err = d.Take(t.Context(), strings.NewReader("1234"), "x"); err != nil {
		t.Errorf("as large as allowed: %v", err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	broken := errors.New("the line broke")
	if _, err := d.Take(t.Context(), io.MultiReader(strings.NewReader("1"), failing{broken}), "x"); !errors.Is(err, broken) {
		t.Errorf("a broken upload: %v", err)
	}
	if d.left(t) != 0 || len(d.places) != 0 {
		t.Errorf("%d files and %d places are left", d.left(t), len(d.places))
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestPlacesAreLimited(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	var open []*File
	for range maxFiles {
		f, err := d.Take(t.Context(), strings.NewReader("x"), "")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, f)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Take(ctx, strings.NewReader("x"), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("one more: %v", err)
	}
	if d.left(t) != maxFiles {
		t.Errorf("%d files, want %d", d.left(t), maxFiles)
	}
	if err := open[0].Close(); err != nil {
		t.Fatal(err)
	}
	f, err := d.Take(t.Context(), strings.NewReader("x"), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(open, f) {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLeftoversAreRemoved(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	if _, err := d.Take(t.Context(), strings.NewReader("x"), ""); err != nil {
		t.Fatal(err)
	}
	again, err := NewDesk(d.dir, nil)
	if err != nil || again.left(t) != 0 {
		t.Errorf("%d files are left, %v", again.left(t), err)
	}
}

// Fetching says of the address what is wrong with it, and leaves nothing.
func TestFetch(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/receipt.png":
			_, _ = w.Write(picture(t))
		case "/named":
			w.Header().Set("Content-Disposition", `attachment; filename="../order 5.pdf"`)
			_, _ = w.Write([]byte("%PDF-1.7"))
		case "/moved":
			http.Redirect(w, r, "/receipt.png#here", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "http://169.254.169.254/latest", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/empty":
		case "/large":
			_, _ = w.Write(make([]byte, 2048))
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("short"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	client := safehttp.New(safehttp.Policy{Mode: safehttp.ModePublic, PlainHTTP: true, AllowHostPorts: []string{host}})
	defer client.Close()
	d := newDesk(t, client)
	d.max = 1024
	for path, want := range map[string]string{"/receipt.png": "receipt.png image/png", "/named": "order 5.pdf application/pdf", "/moved": "receipt.png image/png"} {
		f, err := d.Fetch(t.Context(), srv.URL+path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got := f.Name + " " + f.MIME; got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	for url, want := range map[string]string{
		srv.URL + "/nothing": "url error.media_status", srv.URL + "/inside": "url error.url_refused_link_local",
		srv.URL + "/round": "url error.media_status", srv.URL + "/empty": "url error.media_empty",
		srv.URL + "/large": "url error.media_large", srv.URL + "/cut": "url error.media_unreachable",
		"http://127.0.0.1:9/x": "url error.url_refused_loopback", "http://10.1.2.3/x": "url error.url_refused_private",
		"http://me:secret@example.com/": "url error.url_credentials", "file:///etc/passwd": "url error.url_scheme",
		"http://nowhere.invalid/x": "url error.media_unreachable",
	} {
		if _, err := d.Fetch(t.Context(), url); field(err) != want {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
	}
	if d.left(t) != 0 || len(d.places) != 0 {
		t.Errorf("%d files and %d places are left", d.left(t), len(d.places))
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ head, name, want string }{
		{"\xFF\xD8\xFF\xE0", "", "image/jpeg"}, {"GIF89a", "", "image/gif"}, {"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp"},
		{"<!doctype html>", "photo.jpg", "text/html"}, {"%PDF-1.7", "", "application/pdf"},
		{"OggS" + strings.Repeat("\x00", 24) + "OpusHead", "", MIMEOpus}, {"OggS" + strings.Repeat("\x00", 24) + "\x01vorbis", "", "audio/ogg"},
		{"\x00\x00\x00\x1cftypM4A ", "", "audio/mp4"}, {"\x00\x00\x00\x1cftypisom", "", "video/mp4"}, {"\x00\x00\x00\x1cftyp3gp5", "", "video/3gpp"},
		{"\x00\x00\x00\x1cftypqt  ", "", "video/quicktime"}, {"\x00\x00\x00\x1cftypheic", "", "application/octet-stream"},
		{"#!AMR\n", "", "audio/amr"}, {"\xFF\xF1P", "", "audio/aac"}, {"\xFF\xFB\x90", "", "audio/mpeg"}, {"ID3\x03", "", "audio/mpeg"},
		{"PK\x03\x04", "a.DOCX", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}, {"PK\x03\x04", "a.jpg", "application/zip"},
		{"a,b\n1,2\n", "list.csv", "text/csv"}, {"a,b\n1,2\n", "", "text/plain"}, {"\x00\x01\x02", "", "application/octet-stream"},
	} {
		if got := sniff([]byte(tc.head), tc.name); got != tc.want {
			t.Errorf("%.12q %s is %q, want %q", tc.head, tc.name, got, tc.want)
		}
	}
}

func TestOggSeconds(t *testing.T) {
	t.Parallel()
	page := func(granule uint64, body string) string {
		head := append([]byte("OggS\x00\x04"), binary.LittleEndian.AppendUint64(nil, granule)...)
		return string(head) + strings.Repeat("\x00", 14) + body
	}
	d := newDesk(t, nil)
	for want, content := range map[uint32]string{
		3: page(0, "OpusHead") + page(48000, "x") + page(3*48000-10, "y"), 0: page(0, "OpusHead") + page(1<<62, "x"),
	} {
		f, err := d.Take(t.Context(), strings.NewReader(content), "")
		if err != nil {
			t.Fatal(err)
		}
		if f.MIME != MIMEOpus || f.Seconds != want {
			t.Errorf("%s of %d s, want %d", f.MIME, f.Seconds, want)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 200) + ".pdf"
	for raw, want := range map[string]string{
		"order.pdf": "order.pdf", "/etc/passwd": "passwd", `..\..\boot.ini`: "boot.ini", "..": "", "a\x00b\r\nc\u202efdp.exe": "abcfdp.exe",
		` "x"? `: "x", "cardápio 7.pdf": "cardápio 7.pdf", "a\xffb": "ab", long: strings.Repeat("é", maxName-4) + ".pdf",
	} {
		if got := CleanName(raw); got != want {
			t.Errorf("%q becomes %q, want %q", raw, got, want)
		}
	}
}
