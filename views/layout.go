package views

import (
	"strconv"

	"encoding/json"
	"strings"

	"pombal/internal/auth"
	"pombal/static"
)

// themes are the choices of the theme menu, in its order.
func themes() []string { return []string{"auto", "light", "dark"} }

// theme is the theme of the page; anything unknown follows the system.
func (p Page) theme() string {
	for _, name := range themes() {
		if p.Theme == name {
			return name
		}
	}
	return "auto"
}

// favicon says from the row of tabs whether somebody has to act.
func (p Page) favicon() string {
	if p.Attention > 0 {
		return static.URL("icons/favicon-attention.svg")
	}
	return static.URL("icons/favicon.svg")
}

// csrfHeader is the value of hx-headers: the token that every request of htmx
// carries.
func csrfHeader(token string) string {
	raw, err := json.Marshal(map[string]string{"X-CSRF-Token": token})
	if err != nil { // a map of strings always marshals
		return "{}"
	}
	return string(raw)
}

// agoPatterns are the patterns of relative times, for the script that keeps
// them right while the page stands.
func (p Page) agoPatterns() string {
	return strings.Join(p.T.AgoPatterns(), "|")
}

// flashRole makes a failure interrupt a screen reader and nothing else.
func flashRole(kind string) string {
	if kind == "bad" {
		return "alert"
	}
	return "status"
}

// can says whether who looks has at least this role. What a role may not do is
// not on its pages; the server refuses it too.
func (p Page) can(least auth.Role) bool {
	if p.User == nil {
		return false
	}
	return p.User.Role.AtLeast(least)
}

// liveURL is where the page hears of changes, from the moment on at which it
// was asked for: what happened while it travelled is not lost.
func (p Page) liveURL() string { return "/live?since=" + strconv.FormatUint(p.Since, 10) }
