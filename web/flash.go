package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"pombal/internal/locale"
	"pombal/internal/problem"
	"pombal/views"
)

// flashFor is how long the message about the last action waits for its page.
const flashFor = time.Minute

// notice is a message about the last action: a catalogue key and what goes into
// its placeholders. It never holds a secret: it travels in a cookie.
type notice struct {
	Kind string   `json:"k"`
	Key  string   `json:"t"`
	Args []string `json:"a,omitempty"`
}

func ok(key string, args ...string) notice   { return notice{"ok", key, args} }
func info(key string, args ...string) notice { return notice{"info", key, args} }
func warn(key string, args ...string) notice { return notice{"warn", key, args} }

// text is the notice in words.
func (n notice) text(t *locale.Printer) string {
	args := make([]any, len(n.Args))
	for i, a := range n.Args {
		args[i] = a
	}
	return t.Text(problem.Text{Key: n.Key, Args: args})
}

// redirectWith sends the browser on and lets the next page say what happened.
func (s *Server) redirectWith(r *request, to string, n notice) error {
	if r.user != nil {
		raw, err := json.Marshal(n)
		if err != nil {
			return err
		}
		value := base64.RawURLEncoding.EncodeToString(raw)
		r.setCookie(r.cookieName(cookieFlash), value+"."+flashMAC(r.session.CSRFKey, value), flashFor)
	}
	return redirect(r, to)
}

// takeFlash reads the notice and removes it. One that was not signed for this
// session is dropped: other sites on the same host can set cookies.
func (s *Server) takeFlash(r *request, t *locale.Printer) *views.Flash {
	name := r.cookieName(cookieFlash)
	cookie := r.Cookies(name)
	if cookie == "" {
		return nil
	}
	r.setCookie(name, "", -1)
	value, mac, _ := strings.Cut(cookie, ".")
	if !hmac.Equal([]byte(mac), []byte(flashMAC(r.session.CSRFKey, value))) {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return nil
	}
	var n notice
	if err := json.Unmarshal(raw, &n); err != nil {
		return nil
	}
	return &views.Flash{Kind: n.Kind, Text: n.text(t)}
}

// flashMAC signs a notice for a session.
func flashMAC(key []byte, value string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("flash\x00" + value))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
