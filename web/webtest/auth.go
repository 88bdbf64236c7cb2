package webtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

// What signs in and sets up by default.
const (
	Email     = "ana@example.com"
	Password  = "correct horse battery staple"
	SetupCode = "ABCD-EFGH"
	GlobalKey = "canary-global-key-0123456789"
)

// Auth is a web.Auth in memory, with one owner.
type Auth struct {
	mu       sync.Mutex
	clock    *Clock
	user     *auth.User
	sessions map[string]auth.Session
	seen     int
	looked   int
	keys     []auth.APIKey
	uses     []auth.Use
	texts    map[string]string // id of a key to the key
	next     int
	panics   any
	unproved bool

	// Err is what Login and Setup answer with.
	Err error
}

// NewAuth makes an Auth with an owner.
func NewAuth(clock *Clock) *Auth {
	return &Auth{
		clock: clock, sessions: make(map[string]auth.Session), texts: make(map[string]string),
		user: &auth.User{ID: "u1", Email: Email, Name: "Ana", Role: auth.RoleOwner},
	}
}

// Empty forgets the owner: set-up is needed.
func (f *Auth) Empty() { f.mu.Lock(); defer f.mu.Unlock(); f.user = nil }

// SetRole changes what the user may do.
func (f *Auth) SetRole(role auth.Role) { f.mu.Lock(); defer f.mu.Unlock(); f.user.Role = role }

// Expire ends all sessions.
func (f *Auth) Expire() { f.mu.Lock(); defer f.mu.Unlock(); clear(f.sessions) }

// SetPanic makes Resume panic with value; nil makes it work again.
func (f *Auth) SetPanic(value any) { f.mu.Lock(); defer f.mu.Unlock(); f.panics = value }

// Seen is how often a request counted as a person being there.
func (f *Auth) Seen() int { f.mu.Lock(); defer f.mu.Unlock(); return f.seen }

// Looked is how often a session was looked up without a person being there.
func (f *Auth) Looked() int { f.mu.Lock(); defer f.mu.Unlock(); return f.looked }

// Open is how many sessions are open.
func (f *Auth) Open() int { f.mu.Lock(); defer f.mu.Unlock(); return len(f.sessions) }

// NeedsSetup says whether there is no user.
func (f *Auth) NeedsSetup(context.Context) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.user == nil, nil
}

// Setup makes the owner.
func (f *Auth) Setup(_ context.Context, p auth.SetupParams) (auth.User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.Err != nil:
		return auth.User{}, f.Err
	case f.user != nil:
		return auth.User{}, auth.ErrSetupDone
	case p.Code != SetupCode:
		return auth.User{}, auth.ErrSetupCode
	case len(p.Password) < 12:
		return auth.User{}, problem.InvalidField("password", "error.password_short")
	}
	f.user = &auth.User{ID: "u1", Email: p.Email, Name: p.Name, Role: auth.RoleOwner, Language: p.Language}
	return *f.user, nil
}

// Login checks the password.
func (f *Auth) Login(ctx context.Context, p auth.LoginParams) (string, auth.Session, error) {
	f.mu.Lock()
	err := f.Err
	if err == nil && (f.user == nil || !strings.EqualFold(p.Email, f.user.Email) || p.Password != Password) {
		err = auth.ErrCredentials
	}
	f.mu.Unlock()
	if err != nil {
		return "", auth.Session{}, err
	}
	return f.OpenSession(ctx, "u1", p.Session)
}

// OpenSession opens a session.
func (f *Auth) OpenSession(_ context.Context, userID string, p auth.SessionParams) (string, auth.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	token := fmt.Sprintf("canary-session-%d", f.next)
	s := auth.Session{
		ID: "s-" + token, UserID: userID, CSRFKey: []byte(fmt.Sprintf("%032d", f.next)), CreatedAt: f.clock.Now(),
		Address: p.Address, UserAgent: p.UserAgent, Keep: p.Keep, SeenAt: f.clock.Now(),
	}
	f.sessions[token] = s
	return token, s, nil
}

// Resume finds a session.
func (f *Auth) Resume(_ context.Context, token string, byPerson bool) (auth.Session, auth.User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics != nil {
		panic(f.panics)
	}
	s, found := f.sessions[token]
	if !found || f.user == nil {
		return auth.Session{}, auth.User{}, auth.ErrUnauthorized
	}
	if byPerson {
		f.seen++
	} else {
		f.looked++
	}
	return s, *f.user, nil
}

// Logout ends a session.
func (f *Auth) Logout(_ context.Context, token string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sessions, token)
	return nil
}

// SetLanguage stores the language.
func (f *Auth) SetLanguage(_ context.Context, _, lang string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.user.Language = lang
	return nil
}

// InstanceToken is a text that names the claims.
func (f *Auth) InstanceToken(_ context.Context, c auth.InstanceClaims) (string, error) {
	return fmt.Sprintf("jwt.%s.%s.%d", c.InstanceID, c.TokenID, c.IssuedAt.Unix()), nil
}

// ParseInstanceToken reads what InstanceToken wrote.
func (f *Auth) ParseInstanceToken(_ context.Context, text string) (auth.InstanceClaims, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 4 || parts[0] != "jwt" {
		return auth.InstanceClaims{}, auth.ErrUnauthorized
	}
	return auth.InstanceClaims{InstanceID: parts[1], TokenID: parts[2]}, nil
}

// IsGlobalKey knows GlobalKey.
func (f *Auth) IsGlobalKey(key string) bool { return key == GlobalKey }

// CreateInSPRLKey makes a key.
func (f *Auth) CreateInSPRLKey(_ context.Context, instanceID, name string) (string, auth.APIKey, error) {
	if name == "" {
		return "", auth.APIKey{}, problem.InvalidField("name", "error.key_name")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	id := fmt.Sprintf("k%d", f.next)
	k := auth.APIKey{
		ID: id, Kind: auth.KeyInSPRL, Name: name, InstanceID: instanceID, ClientID: "client-" + id, Prefix: "canary",
		CreatedAt: time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC),
	}
	f.keys = append(f.keys, k)
	f.texts[id] = "canary-client-key-" + id
	return f.texts[id], k, nil
}

// InSPRLKey finds a key.
func (f *Auth) InSPRLKey(_ context.Context, key, clientID string) (auth.APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.keys {
		if f.texts[k.ID] == key && k.ClientID == clientID {
			return k, nil
		}
	}
	return auth.APIKey{}, auth.ErrUnauthorized
}

// APIKeys lists the keys of an instance.
func (f *Auth) APIKeys(_ context.Context, instanceID string) ([]auth.APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var own []auth.APIKey
	for _, k := range f.keys {
		if k.InstanceID == instanceID {
			own = append(own, k)
		}
	}
	return own, nil
}

// RevokeAPIKey removes a key.
func (f *Auth) RevokeAPIKey(_ context.Context, instanceID, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.keys, func(k auth.APIKey) bool { return k.InstanceID == instanceID && k.ID == id })
	if i < 0 {
		return auth.ErrNoSuch
	}
	f.keys = slices.Delete(f.keys, i, i+1)
	return nil
}
