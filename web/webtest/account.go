package webtest

import (
	"context"
	"encoding/hex"
	"encoding/json"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

// ForgetProof makes as if the password had been given long ago.
func (f *Auth) ForgetProof() { f.mu.Lock(); defer f.mu.Unlock(); f.unproved = true }

// ChangePassword ends all sessions and opens one. The password stays.
func (f *Auth) ChangePassword(ctx context.Context, userID string, p auth.PasswordParams) (string, auth.Session, error) {
	switch {
	case p.Current != Password:
		return "", auth.Session{}, problem.InvalidField("current", "error.password_wrong")
	case len(p.New) < auth.MinPassword:
		return "", auth.Session{}, problem.InvalidField("new", "error.password_short", "min", auth.MinPassword)
	}
	f.Expire()
	return f.OpenSession(ctx, userID, p.Session)
}

// Sessions lists all sessions.
func (f *Auth) Sessions(context.Context, string) ([]auth.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []auth.Session
	for _, s := range f.sessions {
		all = append(all, s)
	}
	return all, nil
}

// EndSession ends a session by its id.
func (f *Auth) EndSession(_ context.Context, _, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for token, s := range f.sessions {
		if s.ID == id {
			delete(f.sessions, token)
			return nil
		}
	}
	return auth.ErrNoSuch
}

// EndOtherSessions ends all sessions but one.
func (f *Auth) EndOtherSessions(_ context.Context, _, keep string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for token, s := range f.sessions {
		if s.ID != keep {
			delete(f.sessions, token)
			n++
		}
	}
	return n, nil
}

// Prove checks the password.
func (f *Auth) Prove(_ context.Context, token, password, _ string) (auth.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if password != Password {
		return auth.Session{}, auth.ErrCredentials
	}
	f.unproved = false
	return f.sessions[token], nil
}

// Proved says whether ForgetProof was not called.
func (f *Auth) Proved(auth.Session) bool { f.mu.Lock(); defer f.mu.Unlock(); return !f.unproved }

// PairingLink writes the claims as they are.
func (f *Auth) PairingLink(_ context.Context, c auth.LinkClaims) (string, error) {
	raw, err := json.Marshal(c)
	return hex.EncodeToString(raw), err
}

// ParsePairingLink reads what PairingLink wrote.
func (f *Auth) ParsePairingLink(_ context.Context, text string) (auth.LinkClaims, error) {
	var c auth.LinkClaims
	raw, err := hex.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &c) != nil || !f.clock.Now().Before(c.ExpiresAt) {
		return auth.LinkClaims{}, auth.ErrNoSuch
	}
	return c, nil
}
