package auth

import "time"

// SetupParams are the inputs of Service.Setup.
type SetupParams struct {
	Code     string // the one-time code from the log
	Name     string
	Email    string
	Password string // 12–256 characters, not a common one
	Language string
}

// LoginParams are the inputs of Service.Login.
type LoginParams struct {
	Email    string
	Password string
	Session  SessionParams
}

// SessionParams describe the browser of a new session.
type SessionParams struct {
	Address   string
	UserAgent string
	Keep      bool
}

// InstanceClaims are what an instance token says. The text is recomputed from
// them: HS256 with the file's own secret.
type InstanceClaims struct {
	InstanceID string
	TokenID    string // jti; a token with another id is no longer good
	IssuedAt   time.Time
}
