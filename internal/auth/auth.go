// Package auth says who somebody is: users with passwords and sessions,
// programs with API keys and instance tokens. Passwords are stored as
// argon2id, sessions and keys as SHA-256 of 256 random bits, instance tokens
// not at all: only their claims.
package auth

import (
	"context"
	"time"

	"pombal/internal/problem"
)

// Role is what a user may do.
type Role string

// The roles, from most to least.
const (
	RoleOwner    Role = "owner"    // everything
	RoleAdmin    Role = "admin"    // all but users and restore
	RoleOperator Role = "operator" // connect, log out, toggles; no keys and secrets
	RoleViewer   Role = "viewer"   // look, without message bodies
)

// AtLeast says whether the role may do all that least may. An unknown role may
// nothing.
func (r Role) AtLeast(least Role) bool { return r.rank() > 0 && r.rank() >= least.rank() }

func (r Role) rank() int {
	switch r {
	case RoleOwner:
		return 4
	case RoleAdmin:
		return 3
	case RoleOperator:
		return 2
	case RoleViewer:
		return 1
	default:
		return 0
	}
}

// User is a person who may sign in.
type User struct {
	ID           string    `json:"id"`
	Email        string    `json:"email"` // lower case; unique
	Name         string    `json:"name"`
	Role         Role      `json:"role"`
	PasswordHash string    `json:"passwordHash"` // PHC string, argon2id
	Language     string    `json:"language,omitempty"`
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`
}

// Session is a signed-in browser. Its id is the SHA-256 of what the cookie
// holds.
type Session struct {
	ID        string    `json:"id"` // hex SHA-256 of the cookie's value
	UserID    string    `json:"userId"`
	CSRFKey   []byte    `json:"csrfKey"` // 32 random bytes
	CreatedAt time.Time `json:"createdAt"`
	SeenAt    time.Time `json:"seenAt"`   // last request made by a person; polls do not count
	ProvedAt  time.Time `json:"provedAt"` // when the password was last given
	Address   string    `json:"address"`
	UserAgent string    `json:"userAgent"`
	Keep      bool      `json:"keep"` // stay signed in
}

// KeyKind says what an API key is good for.
type KeyKind string

// The kinds of API keys.
const (
	KeyInSPRL KeyKind = "insprl" // an InSPRL CLIENT KEY, used with its client id
	KeyScoped KeyKind = "scoped" // good at every door for what its scopes allow
)

// APIKey is a credential of a program. The key itself is shown once.
type APIKey struct {
	ID         string    `json:"id"`
	Kind       KeyKind   `json:"kind"`
	Name       string    `json:"name"`
	InstanceID string    `json:"instanceId"` // the one instance it opens; "" with KeyScoped: every one
	ClientID   string    `json:"clientId"`   // InSPRL's client_id
	Hash       string    `json:"hash"`       // hex SHA-256 of the key
	Prefix     string    `json:"prefix"`     // first characters, to recognise it by
	CreatedAt  time.Time `json:"createdAt"`
	CreatedBy  string    `json:"createdBy,omitempty"`  // e-mail address of who made it
	UsedAt     time.Time `json:"usedAt,omitzero"`      // last use; filled in from Uses where keys are listed
	UsedFrom   string    `json:"usedFrom,omitempty"`   // address of the last use, likewise
	Scopes     []Scope   `json:"scopes,omitempty"`     // none with KeyInSPRL: all that its door knows
	ExpiresAt  time.Time `json:"expiresAt,omitzero"`   // good before; zero: for ever
	ReplacedBy string    `json:"replacedBy,omitempty"` // id of the key that follows in a rotation
}

// Throttle is the memory of failed logins for one account or address.
type Throttle struct {
	Failures int       `json:"failures"`
	Until    time.Time `json:"until"` // no attempt is looked at before
	LastAt   time.Time `json:"lastAt"`
}

// Store keeps users, sessions, keys and throttles. Each change is one commit
// and durable on return; missing things are ErrNoSuch.
type Store interface {
	CountUsers(ctx context.Context) (int, error)
	// CreateFirstUser stores the owner if and only if there is no user yet;
	// ErrSetupDone otherwise.
	CreateFirstUser(ctx context.Context, u User) error
	User(ctx context.Context, id string) (User, error)
	UserByEmail(ctx context.Context, email string) (User, error)
	UpdateUser(ctx context.Context, id string, change func(*User) error) (User, error)

	CreateSession(ctx context.Context, s Session) error
	Session(ctx context.Context, id string) (Session, error)
	UpdateSession(ctx context.Context, id string, change func(*Session) error) error
	DeleteSession(ctx context.Context, id string) error
	// SessionsOf lists the sessions of a user, in no particular order.
	SessionsOf(ctx context.Context, userID string) ([]Session, error)
	// ReplaceSessions changes a user, removes all sessions of that user and
	// stores next, in one commit.
	ReplaceSessions(ctx context.Context, userID string, change func(*User) error, next Session) error
	// DeleteSessionsBefore removes sessions last seen before the time.
	DeleteSessionsBefore(ctx context.Context, seen time.Time) error

	CreateAPIKey(ctx context.Context, k APIKey) error
	// ReplaceAPIKey changes a key and stores the one that follows it, in one
	// commit.
	ReplaceAPIKey(ctx context.Context, id string, next APIKey, change func(*APIKey) error) error
	APIKey(ctx context.Context, id string) (APIKey, error)
	APIKeyByHash(ctx context.Context, hash string) (APIKey, error)
	// APIKeys lists the keys bound to an instance, AllAPIKeys those of all and
	// those that are bound to none.
	APIKeys(ctx context.Context, instanceID string) ([]APIKey, error)
	AllAPIKeys(ctx context.Context) ([]APIKey, error)
	DeleteAPIKey(ctx context.Context, id string) error
	// Uses lists the stored counts; PutUses replaces those of the same
	// credential and door and leaves out credentials that are gone.
	Uses(ctx context.Context) ([]Use, error)
	PutUses(ctx context.Context, uses []Use) error

	Throttle(ctx context.Context, key string) (Throttle, error) // zero value when there is none
	PutThrottle(ctx context.Context, key string, t Throttle) error
	DeleteThrottle(ctx context.Context, key string) error

	// Secret gives the named 32-byte secret of this file, making it with
	// random bytes at the first call.
	Secret(ctx context.Context, name string) ([]byte, error)
}

// Errors that people see.
var (
	ErrNoSuch       = problem.New(problem.NotFound, "error.not_found")
	ErrSetupDone    = problem.New(problem.NotFound, "error.setup_done")
	ErrSetupCode    = problem.InvalidField("code", "error.setup_code")
	ErrCredentials  = problem.New(problem.Unauthorized, "error.credentials")
	ErrUnauthorized = problem.New(problem.Unauthorized, "error.unauthorized")
	ErrForbidden    = problem.New(problem.Forbidden, "error.forbidden")
)
