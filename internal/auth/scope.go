package auth

import "slices"

// Scope is a sort of thing that an API key lets a program do.
type Scope string

// The scopes, from the least harmful on. None contains another.
const (
	ScopeRead     Scope = "read"     // look: state, chats, messages, webhooks
	ScopeSend     Scope = "send"     // send messages, mark them as read
	ScopeControl  Scope = "control"  // connect, log out, switch on and off
	ScopeSettings Scope = "settings" // webhooks, toggles, proxy
	ScopeAdmin    Scope = "admin"    // delete the instance, see and replace its token
)

// Scopes lists all scopes in their order.
func Scopes() []Scope {
	return []Scope{ScopeRead, ScopeSend, ScopeControl, ScopeSettings, ScopeAdmin}
}

// May says whether a key has a scope. A key made before there were scopes has
// none, and opens what its kind alone opens.
func (k APIKey) May(s Scope) bool { return slices.Contains(k.Scopes, s) }
