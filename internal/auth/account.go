package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"pombal/internal/problem"
)

// PasswordParams are the inputs of Service.ChangePassword.
type PasswordParams struct {
	Current string
	New     string // 12–256 characters, not a common one
	Session SessionParams
}

// ChangePassword gives a user another password, ends every session of theirs,
// this one too, and opens a new one: whoever knew the old password is out.
// problem.Invalid names the fields "current" and "new"; problem.TooMany.
func (s *Service) ChangePassword(ctx context.Context, userID string, p PasswordParams) (string, Session, error) {
	user, err := s.store.User(ctx, userID)
	if err != nil {
		return "", Session{}, fmt.Errorf("change password: %w", err)
	}
	if text := s.checkPassword(p.New, user.Email); text != nil {
		return "", Session{}, problem.InvalidField("new", text.Key, text.Args...)
	}
	_, err = s.checkCredentials(ctx, user.Email, p.Current, p.Session.Address)
	if errors.Is(err, ErrCredentials) {
		return "", Session{}, problem.InvalidField("current", "error.password_wrong")
	}
	if err != nil {
		return "", Session{}, err
	}
	hash, err := s.newHash(ctx, p.New)
	if err != nil {
		return "", Session{}, fmt.Errorf("change password: %w", err)
	}
	token, session, err := s.newSession(userID, p.Session)
	if err != nil {
		return "", Session{}, fmt.Errorf("change password: %w", err)
	}
	err = s.store.ReplaceSessions(ctx, userID, func(u *User) error {
		u.PasswordHash, u.UpdatedAt = hash, s.wall()
		return nil
	}, session)
	if err != nil {
		return "", Session{}, fmt.Errorf("change password: %w", err)
	}
	return token, session, nil
}

// newHash waits for its turn and hashes a password.
func (s *Service) newHash(ctx context.Context, password string) (string, error) {
	if err := s.hasher.acquire(ctx); err != nil {
		return "", err
	}
	defer s.hasher.release()
	return s.hashPassword(password)
}

// Sessions lists the living sessions of a user, the last seen first.
func (s *Service) Sessions(ctx context.Context, userID string) ([]Session, error) {
	all, err := s.store.SessionsOf(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	now := s.wall()
	all = slices.DeleteFunc(all, func(one Session) bool { return one.expired(now) })
	slices.SortFunc(all, func(a, b Session) int {
		return cmp.Or(b.SeenAt.Compare(a.SeenAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// EndSession ends one session of a user; ErrNoSuch when it is not theirs.
func (s *Service) EndSession(ctx context.Context, userID, id string) error {
	session, err := s.store.Session(ctx, id)
	if err == nil && session.UserID != userID {
		err = ErrNoSuch
	}
	if err == nil {
		err = s.store.DeleteSession(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// EndOtherSessions ends all sessions of a user but one and says how many.
func (s *Service) EndOtherSessions(ctx context.Context, userID, keep string) (int, error) {
	all, err := s.store.SessionsOf(ctx, userID)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	n := 0
	for _, one := range all {
		if one.ID == keep {
			continue
		}
		if err := s.store.DeleteSession(ctx, one.ID); err != nil && !errors.Is(err, ErrNoSuch) {
			return n, fmt.Errorf("end sessions: %w", err)
		}
		n++
	}
	return n, nil
}
