package views

import (
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"pombal/internal/auth"
	"pombal/internal/instance"
)

// KeysPage lists the keys of programs and who calls through which door.
type KeysPage struct {
	Page
	Keys    []KeyRow
	Callers []Caller
}

// KeyRow is one line of the list of keys.
type KeyRow struct {
	Key      auth.APIKey
	Instance string // name of the instance it opens; "" is all of them
	Calls    int    // in 24 hours
}

// Caller is a credential and what it was used for at each door.
type Caller struct {
	Kind auth.HolderKind
	Name string // of the key, the instance or the tenant; "" with the operator's key
	Uses map[auth.Door]auth.Use
	Last auth.Use // the newest of them
}

// KeyNewPage is the form that makes a key.
type KeyNewPage struct {
	Page
	Instances  []instance.Instance
	Name       string
	InstanceID string
	Scopes     []auth.Scope
	Days       string // one of KeyDays
	Errors     FieldErrors
}

// KeyShownPage shows a key this once.
type KeyShownPage struct {
	Page
	Key      auth.APIKey
	Secret   string
	Instance string    // name of the instance it opens; "" is all of them
	OldUntil time.Time // how long the key before it works; zero when there is none
	BaseURL  string
}

// KeyAskPage asks before a key is rotated or revoked.
type KeyAskPage struct {
	Page
	KeyRow
	Errors FieldErrors
}

// KeyDays are the choices of how long a key is good, in days; "" is for ever.
func KeyDays() []string { return []string{"", "7", "30", "90", "365"} }

// KeyOverlaps are the choices of how long a rotated key stays good, in hours.
func KeyOverlaps() []string { return []string{"0", "1", "24", "72", "168", "720"} }

// scoped says whether a scope is ticked.
func (p KeyNewPage) scoped(s auth.Scope) bool {
	for _, ticked := range p.Scopes {
		if ticked == s {
			return true
		}
	}
	return false
}

// scopes names what a key may do.
func (p Page) scopes(k auth.APIKey) string {
	if k.Kind == auth.KeyInSPRL {
		return p.T.T("apikeys.kind.insprl")
	}
	names := make([]string, 0, len(k.Scopes))
	for _, s := range auth.Scopes() { // in their order
		if k.May(s) {
			names = append(names, p.T.T("apikeys.scope."+string(s)))
		}
	}
	return strings.Join(names, " · ")
}

// opens names the instances that a key opens.
func (p Page) opens(instanceName string) string {
	if instanceName == "" {
		return p.T.T("apikeys.all_instances")
	}
	return instanceName
}

// calls24h tells how often somebody called in 24 hours.
func (p Page) calls24h(n int) string { return p.T.N("apikeys.calls", n) }

// doorName is what people call a door.
func doorName(d auth.Door) string {
	switch d {
	case auth.DoorCodeChat:
		return "CodeChat v2"
	case auth.DoorCodeChat13:
		return "CodeChat v1.3"
	default:
		return "InSPRL"
	}
}

// text is the name of a caller.
func (c Caller) text(p Page) string {
	if c.Name == "" {
		return p.T.T("apikeys.caller." + string(c.Kind))
	}
	return c.Name
}

// instanceID is the id in ready-made calls.
func (p KeyShownPage) instanceID() string {
	if p.Key.InstanceID == "" {
		return "INSTANCE_ID"
	}
	return p.Key.InstanceID
}

// codechat is a ready-made call that the key allows, in CodeChat's way; "" when
// there is none without lasting effect.
func (p KeyShownPage) codechat() string {
	at := p.BaseURL + "/api/v2" + instancePath(p.instanceID())
	head := "' \\\n  -H 'apikey: " + p.Secret + "'"
	const isJSON = " \\\n  -H 'Content-Type: application/json' \\\n  -d '"
	switch k := p.Key; {
	case k.Kind == auth.KeyInSPRL:
		return ""
	case k.May(auth.ScopeRead):
		return "curl '" + at + head
	case k.May(auth.ScopeSend):
		return "curl '" + at + "/send/text" + head + isJSON + `{"recipient":"5521998880002","textMessage":{"text":"hello"}}'`
	case k.May(auth.ScopeControl):
		return "curl '" + at + "/connect" + head
	case k.May(auth.ScopeSettings):
		return "curl '" + at + "/webhook" + head + isJSON + `{"name":"crm","url":"https://crm.example/hook"}'`
	default:
		return ""
	}
}

// insprl is the same in InSPRL's way.
func (p KeyShownPage) insprl() string {
	path, more := "", ""
	switch k := p.Key; {
	case k.Kind == auth.KeyInSPRL, k.May(auth.ScopeRead):
		path = "/instance/status"
	case k.May(auth.ScopeSend):
		path, more = "/message/send", " \\\n  -d number=5521998880002 -d message=hello"
	case k.May(auth.ScopeControl):
		path = "/instance/qr"
	case k.May(auth.ScopeSettings):
		path, more = "/webhook/set", " \\\n  -d webhook_url=https://crm.example/hook"
	default:
		return ""
	}
	return "curl '" + p.BaseURL + "/api/whatsapp" + path + "' \\\n  -H 'Authorization: " + p.Secret +
		"' \\\n  -d client_id=" + p.Key.ClientID + " -d instance_id=" + p.instanceID() + more
}

// number24 is a count in a cell, "–" for nothing ever.
func (p Page) number24(u auth.Use, known bool) string {
	if !known {
		return "–"
	}
	return p.T.Number(u.Calls24h(p.Now))
}

// optionKey is the catalogue key of a choice.
func optionKey(prefix, value string) string {
	if value == "" {
		return prefix + ".none"
	}
	return prefix + "." + value
}

// madeBy says when a key was made and by whom, with the mark in the place of
// the time.
func (p Page) madeBy(k auth.APIKey) string {
	if k.CreatedBy == "" {
		return p.T.T("apikeys.made", "when", mark)
	}
	return p.T.T("apikeys.made_by", "when", mark, "who", k.CreatedBy)
}

// keyURL is the address of a page of a key.
func keyURL(id, page string) templ.SafeURL {
	return templ.SafeURL("/keys/" + url.PathEscape(id) + "/" + page)
}
