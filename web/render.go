package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/locale"
	"pombal/internal/problem"
	"pombal/views"
)

// compressFrom is the size below which compressing a page saves no packet.
const compressFrom = 1024

// compressLevel is where this compressor gets near the smallest a page can
// become: with it a list of 100 instances takes twice the time that the
// standard library's BestSpeed takes, under half a millisecond, and is an
// eighth smaller.
const compressLevel = 8

// render draws a component into memory and then sends it whole: a component
// that fails half-way must not leave half a page in front of the error page.
func (s *Server) render(r *request, status int, c templ.Component) error {
	var page bytes.Buffer
	if err := c.Render(templ.WithNonce(r.UserContext(), r.nonce), &page); err != nil {
		return fmt.Errorf("draw %s: %w", r.Path(), err)
	}
	r.Status(status)
	r.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	r.Set(fiber.HeaderVary, "Accept-Encoding, Accept-Language, Cookie, HX-Request, HX-Request-Type, HX-Target")
	// A page with a secret and something typed by somebody else on it could be
	// guessed at by its compressed length.
	if r.private || page.Len() < compressFrom || !acceptsGzip(r) {
		return r.Send(page.Bytes())
	}
	var small bytes.Buffer
	w := s.gzips.Get().(*gzip.Writer)
	defer s.gzips.Put(w)
	w.Reset(&small)
	if _, err := w.Write(page.Bytes()); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	r.Set(fiber.HeaderContentEncoding, "gzip")
	return r.Send(small.Bytes())
}

// acceptsGzip reads Accept-Encoding as far as browsers use it.
func acceptsGzip(r *request) bool {
	for part := range strings.SplitSeq(r.Get(fiber.HeaderAcceptEncoding), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == "gzip" && strings.TrimSpace(q) != "q=0" {
			return true
		}
	}
	return false
}

// printerFor finds the caller's language: chosen by the user, by the cookie,
// by the browser.
func (s *Server) printerFor(r *request) (*locale.Printer, error) {
	if r.printer != nil {
		return r.printer, nil
	}
	tag := ""
	if r.user != nil {
		tag = r.user.Language
	}
	if !locale.Supported(tag) {
		tag = r.Cookies(cookieLang)
	}
	if !locale.Supported(tag) {
		tag = locale.Match(r.Get(fiber.HeaderAcceptLanguage))
	}
	p, err := locale.New(tag)
	if err != nil {
		return nil, fmt.Errorf("language %s: %w", tag, err)
	}
	if zone := location(zoneOf(r)); zone != nil {
		p = p.In(zone)
	}
	r.printer = p
	return p, nil
}

// fragment gives what a part of a page needs of the page.
func (s *Server) fragment(r *request) (views.Page, error) {
	t, err := s.printerFor(r)
	if err != nil {
		return views.Page{}, err
	}
	p := views.Page{
		T: t, Theme: themeOf(r), User: r.user, Path: r.Path(), Now: s.Now(), Demo: s.Config.Demo,
		StandIn: s.Config.StandIn, Insecure: !r.secure && !isLoopback(r.Hostname()), Version: s.Config.Version,
		RequestID: r.id, Since: r.since, Op: r.nonce, Shortcuts: r.Cookies(cookieShortcuts) != "off",
		Country: likelyCountry(r, t.Lang()),
	}
	if r.user != nil || r.formKey != nil {
		p.CSRF = auth.CSRFToken(r.tokenHolder())
	}
	return p, nil
}

// page gives what a whole page needs: the frame shows how many instances need
// somebody, and what the last action did.
func (s *Server) page(r *request) (views.Page, error) {
	p, err := s.fragment(r)
	if err != nil || r.user == nil {
		return p, err
	}
	all, err := s.Instances.List(r.UserContext())
	if err != nil {
		return p, err
	}
	p.Attention = countAttention(all)
	if err := s.guide(r, &p, all); err != nil {
		return p, err
	}
	p.Flash = s.takeFlash(r, p.T)
	s.alarms(r, &p)
	if refused := problem.As(s.storage()); refused != nil && refused.Kind == problem.Storage {
		p.Storage = p.T.Text(refused.Text)
	}
	return p, nil
}

func countAttention(all []instance.Instance) int {
	n := 0
	for _, in := range all {
		if needsAttention(in) {
			n++
		}
	}
	return n
}

// needsAttention leaves out what is switched off on purpose.
func needsAttention(in instance.Instance) bool {
	return in.State == instance.Active && in.Status.Phase.NeedsAttention()
}

// themeOf reads the theme cookie.
func themeOf(r *request) string {
	if theme := r.Cookies(cookieTheme); isTheme(theme) {
		return theme
	}
	return "auto"
}

func isTheme(name string) bool { return slices.Contains([]string{"auto", "light", "dark"}, name) }

// redirect sends the browser on, in the way that the asker understands.
func redirect(r *request, to string) error {
	if r.isHX() {
		r.Set("HX-Redirect", to)
		r.Status(fiber.StatusOK)
		return nil
	}
	return r.Redirect(to, fiber.StatusSeeOther)
}

// path makes an address from its parts, each escaped.
func path(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}

// toast tells htmx's page what happened. Header values are ASCII.
func toast(r *request, kind, text string) error {
	raw, err := json.Marshal(map[string]any{"toast": map[string]string{"kind": kind, "text": text}})
	if err != nil {
		return fmt.Errorf("toast: %w", err)
	}
	r.Set("HX-Trigger", ascii(string(raw)))
	return nil
}

// ascii writes everything outside ASCII as JSON escapes.
func ascii(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c < 0x80:
			b.WriteRune(c)
		case c < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			c -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(c>>10), 0xdc00+(c&0x3ff))
		}
	}
	return b.String()
}

// safeNext gives a place on this site to go on to, "" when text is anything
// else. Browsers read a backslash as a slash and drop control characters, so
// "/\host" and "/<tab>/host" are other sites.
func safeNext(text string) string {
	if len(text) > 2048 || !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") {
		return ""
	}
	for _, c := range text {
		if c < 0x21 || c == '\\' || c == 0x7f {
			return ""
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.HasPrefix(u.Path, "//") ||
		strings.ContainsRune(u.Path, '\\') {
		return ""
	}
	return text
}

// retrySeconds gives a Retry-After value.
func retrySeconds(n int) string { return strconv.Itoa(max(n, 1)) }
