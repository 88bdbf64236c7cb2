package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// The life of a session. Somebody who chose to stay signed in is asked again
// after a week away, not after a night.
const (
	IdleLimit         = 12 * time.Hour
	AbsoluteLimit     = 7 * 24 * time.Hour
	KeepIdleLimit     = 7 * 24 * time.Hour
	KeepAbsoluteLimit = 30 * 24 * time.Hour
	// ProofLimit is how long a given password counts as fresh.
	ProofLimit = 10 * time.Minute
	// seenEvery is how often SeenAt is written at most.
	seenEvery = time.Minute
)

// OpenSession opens a session for a user known to be right. token is the
// cookie's value; only its hash is stored. The id is always new: nothing that
// a client brought is taken over.
func (s *Service) OpenSession(ctx context.Context, userID string, p SessionParams) (string, Session, error) {
	token, session, err := s.newSession(userID, p)
	if err != nil {
		return "", Session{}, fmt.Errorf("open session: %w", err)
	}
	if err := s.store.CreateSession(ctx, session); err != nil {
		return "", Session{}, fmt.Errorf("open session: %w", err)
	}
	// Here is as good a place as any to sweep: sessions grow by sign-ins only.
	if err := s.store.DeleteSessionsBefore(ctx, session.CreatedAt.Add(-KeepIdleLimit)); err != nil {
		s.log.WarnContext(ctx, "sweep old sessions", "error", err)
	}
	return token, session, nil
}

// newSession makes up a session and the cookie's value for it.
func (s *Service) newSession(userID string, p SessionParams) (string, Session, error) {
	token, err := s.randomText()
	if err != nil {
		return "", Session{}, err
	}
	key, err := s.random(32)
	if err != nil {
		return "", Session{}, err
	}
	now := s.wall()
	return token, Session{
		ID:        hashText(token),
		UserID:    userID,
		CSRFKey:   key,
		CreatedAt: now,
		SeenAt:    now,
		ProvedAt:  now,
		Address:   clip(p.Address, 64),
		UserAgent: clip(p.UserAgent, 256),
		Keep:      p.Keep,
	}, nil
}

// Resume finds the session and user of a cookie; ErrUnauthorized when there is
// none or its time is over. byPerson extends the idle limit.
func (s *Service) Resume(ctx context.Context, token string, byPerson bool) (Session, User, error) {
	session, err := s.session(ctx, token)
	if err != nil {
		return Session{}, User{}, err
	}
	user, err := s.store.User(ctx, session.UserID)
	if errors.Is(err, ErrNoSuch) {
		return Session{}, User{}, s.end(ctx, session.ID)
	}
	if err != nil {
		return Session{}, User{}, fmt.Errorf("resume session: %w", err)
	}
	if now := s.wall(); byPerson && now.Sub(session.SeenAt) >= seenEvery {
		session.SeenAt = now
		if err := s.touch(ctx, session.ID, now); err != nil {
			// A disk that refuses writes must not keep its owner from looking.
			s.log.WarnContext(ctx, "extend session", "error", err)
		}
	}
	return session, user, nil
}

// session finds a living session by its cookie.
func (s *Service) session(ctx context.Context, token string) (Session, error) {
	if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != 32 {
		return Session{}, ErrUnauthorized
	}
	session, err := s.store.Session(ctx, hashText(token))
	if errors.Is(err, ErrNoSuch) {
		return Session{}, ErrUnauthorized
	}
	if err != nil {
		return Session{}, fmt.Errorf("resume session: %w", err)
	}
	if session.expired(s.wall()) {
		return Session{}, s.end(ctx, session.ID)
	}
	return session, nil
}

// expired says whether a session's time is over.
func (s Session) expired(now time.Time) bool {
	idle, absolute := IdleLimit, AbsoluteLimit
	if s.Keep {
		idle, absolute = KeepIdleLimit, KeepAbsoluteLimit
	}
	return now.Sub(s.SeenAt) >= idle || now.Sub(s.CreatedAt) >= absolute
}

// end removes a session that is no longer good and gives the answer for it.
func (s *Service) end(ctx context.Context, id string) error {
	if err := s.store.DeleteSession(ctx, id); err != nil && !errors.Is(err, ErrNoSuch) {
		s.log.WarnContext(ctx, "remove session", "error", err)
	}
	return ErrUnauthorized
}

func (s *Service) touch(ctx context.Context, id string, now time.Time) error {
	return s.store.UpdateSession(ctx, id, func(stored *Session) error {
		if stored.SeenAt.Before(now) {
			stored.SeenAt = now
		}
		return nil
	})
}

// Logout ends the session of a cookie. A cookie without a session is fine.
func (s *Service) Logout(ctx context.Context, token string) error {
	if err := s.store.DeleteSession(ctx, hashText(token)); err != nil && !errors.Is(err, ErrNoSuch) {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Proved says whether the password was given lately enough for what needs it
// fresh: secrets, keys, backups.
func (s *Service) Proved(session Session) bool {
	age := s.wall().Sub(session.ProvedAt)
	return age >= 0 && age < ProofLimit
}

// clip shortens a text to n bytes without cutting a character.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
