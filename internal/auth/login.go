package auth

import (
	"context"
	"errors"
	"fmt"
)

// Login checks a password and opens a session; ErrCredentials, the same for an
// unknown account and after the same work, or problem.TooMany.
func (s *Service) Login(ctx context.Context, p LoginParams) (token string, session Session, err error) {
	user, err := s.checkCredentials(ctx, p.Email, p.Password, p.Session.Address)
	if err != nil {
		return "", Session{}, err
	}
	return s.OpenSession(ctx, user.ID, p.Session)
}

// Prove checks the password of somebody who is signed in and notes that it was
// given now; ErrUnauthorized, ErrCredentials or problem.TooMany.
func (s *Service) Prove(ctx context.Context, token, password, address string) (Session, error) {
	session, user, err := s.Resume(ctx, token, true)
	if err != nil {
		return Session{}, err
	}
	if _, err := s.checkCredentials(ctx, user.Email, password, address); err != nil {
		return Session{}, err
	}
	now := s.wall()
	err = s.store.UpdateSession(ctx, session.ID, func(stored *Session) error {
		stored.ProvedAt, stored.SeenAt = now, now
		return nil
	})
	if errors.Is(err, ErrNoSuch) {
		return Session{}, ErrUnauthorized
	}
	if err != nil {
		return Session{}, fmt.Errorf("note proof: %w", err)
	}
	session.ProvedAt, session.SeenAt = now, now
	return session, nil
}

// checkCredentials finds the user of an address and password. Known and
// unknown accounts take the same steps and the same time.
func (s *Service) checkCredentials(ctx context.Context, rawEmail, password, address string) (User, error) {
	email, _ := normalEmail(rawEmail)
	keys, known, err := s.throttleKeys(ctx, email, address)
	if err != nil {
		return User{}, err
	}
	// Looked at here so that those who must wait do not stand in the queue, and
	// again when the turn has come.
	if err := s.checkThrottle(ctx, keys); err != nil {
		return User{}, err
	}
	if err := s.hasher.acquire(ctx); err != nil {
		return User{}, err
	}
	defer s.hasher.release()
	if err := s.countAttempt(ctx, keys, known); err != nil {
		return User{}, err
	}
	user, outdated, err := s.matchPassword(ctx, email, password)
	if err != nil {
		return User{}, err
	}
	if err := s.clearThrottle(ctx, email, address, keys, known); err != nil {
		return User{}, err
	}
	if outdated {
		s.rehash(ctx, user.ID, password)
	}
	return user, nil
}

// matchPassword finds the user with this address if the password is theirs;
// ErrCredentials. The caller holds a slot of the hasher.
func (s *Service) matchPassword(ctx context.Context, email, password string) (u User, outdated bool, err error) {
	u, err = s.store.UserByEmail(ctx, email)
	exists := err == nil
	if err != nil && !errors.Is(err, ErrNoSuch) {
		return User{}, false, fmt.Errorf("look up user: %w", err)
	}
	hash := s.dummy
	if exists {
		hash = u.PasswordHash
	}
	// Longer than any password that was ever accepted: no hash needs to be
	// asked, but the time is taken all the same.
	if len(password) > 4*MaxPassword {
		password, exists = "", false
	}
	ok, outdated, err := s.verifyPassword(hash, password)
	if err != nil {
		return User{}, false, fmt.Errorf("check password: %w", err)
	}
	if !ok || !exists {
		return User{}, false, ErrCredentials
	}
	return u, outdated, nil
}

// rehash stores the password at the current cost. A failure costs nothing: the
// next login tries again.
func (s *Service) rehash(ctx context.Context, userID, password string) {
	hash, err := s.hashPassword(password)
	if err == nil {
		_, err = s.store.UpdateUser(ctx, userID, func(u *User) error {
			u.PasswordHash = hash
			return nil
		})
	}
	if err != nil {
		s.log.WarnContext(ctx, "renew password hash", "error", err)
	}
}
