package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"pombal/internal/problem"
)

// MaxUserName is how many characters a user's name may have.
const MaxUserName = 64

// The set-up code: eight characters that nobody confuses, 39 bits; enough
// against five tries a minute for an hour.
const (
	setupAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	setupLength   = 8
	setupTries    = 5
	setupPause    = time.Minute
	setupTTL      = time.Hour
)

// errSetupExpired says that the code was once right for anybody, but its hour
// is over.
var errSetupExpired = problem.InvalidField("code", "error.setup_code_expired")

// setup is the one-time code of the first run. It lives in memory only: a
// restart prints another one.
type setup struct {
	ttl  time.Duration
	turn chan struct{} // one set-up at a time

	mu      sync.Mutex
	code    [sha256.Size]byte
	made    bool
	expires time.Time
	wrong   int
	until   time.Time // no try is looked at before
}

func newSetup(ttl time.Duration) *setup {
	if ttl <= 0 {
		ttl = setupTTL
	}
	return &setup{ttl: ttl, turn: make(chan struct{}, 1)}
}

// NeedsSetup says whether there is no user yet.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	n, err := s.store.CountUsers(ctx)
	if err != nil {
		return false, fmt.Errorf("count users: %w", err)
	}
	return n == 0, nil
}

// SetupCode makes the one-time code for the set-up page, to be printed in the
// log. Each call makes another one, which alone is good from then on. needed
// is false, and there is no code, once there is a user.
func (s *Service) SetupCode(ctx context.Context) (code string, needed bool, err error) {
	needed, err = s.NeedsSetup(ctx)
	if err != nil || !needed {
		return "", false, err
	}
	letters := make([]byte, 0, setupLength+1)
	for len(letters) < setupLength+1 {
		if len(letters) == setupLength/2 {
			letters = append(letters, '-')
			continue
		}
		b, err := s.random(1)
		if err != nil {
			return "", false, fmt.Errorf("make set-up code: %w", err)
		}
		// The top of a byte's range is thrown away, so that all letters are
		// equally likely.
		if n := len(setupAlphabet); int(b[0]) < 256/n*n {
			letters = append(letters, setupAlphabet[int(b[0])%n])
		}
	}
	code = string(letters)
	s.setup.replace(code, s.now())
	return code, true, nil
}

func (st *setup) replace(code string, now time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.code, st.made, st.expires = codeSum(code), true, now.Add(st.ttl)
	st.wrong, st.until = 0, time.Time{}
}

// try looks at a code somebody typed; nil when it is right.
func (st *setup) try(code string, now time.Time) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if wait := st.until.Sub(now); wait > 0 {
		return tooMany("error.setup_wait", wait)
	}
	given := codeSum(code)
	right := subtle.ConstantTimeCompare(given[:], st.code[:]) == 1 && st.made
	if right && now.Before(st.expires) {
		return nil
	}
	if right {
		return errSetupExpired
	}
	if st.wrong++; st.wrong >= setupTries {
		st.wrong, st.until = 0, now.Add(setupPause)
	}
	return ErrSetupCode
}

func (st *setup) forget() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.code, st.made = [sha256.Size]byte{}, false
}

// codeSum hashes a code as people type it: any case, with or without the dash
// and spaces.
func codeSum(code string) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(strings.TrimSpace(code)))))
}

// Setup makes the owner when p.Code is the code of SetupCode; ErrSetupDone once
// there is a user, ErrSetupCode, problem.TooMany after five wrong codes,
// problem.Invalid for the other fields.
func (s *Service) Setup(ctx context.Context, p SetupParams) (User, error) {
	// One at a time, so that of many right posts one pays for a hash and the
	// others hear that it is done.
	select {
	case s.setup.turn <- struct{}{}:
		defer func() { <-s.setup.turn }()
	case <-ctx.Done():
		return User{}, fmt.Errorf("set up: %w", ctx.Err())
	}
	needed, err := s.NeedsSetup(ctx)
	if err != nil {
		return User{}, err
	}
	if !needed {
		return User{}, ErrSetupDone
	}
	if err := s.setup.try(p.Code, s.now()); err != nil {
		return User{}, err
	}
	u, err := s.createOwner(ctx, p)
	if err != nil {
		return User{}, err
	}
	s.setup.forget()
	return u, nil
}

// EnsureOwner makes the owner with this address and password if there is no
// user yet, and does nothing otherwise. It is for installations that bring the
// owner as settings.
func (s *Service) EnsureOwner(ctx context.Context, email, password string) error {
	needed, err := s.NeedsSetup(ctx)
	if err != nil || !needed {
		return err
	}
	_, err = s.createOwner(ctx, SetupParams{Email: email, Password: password})
	if errors.Is(err, ErrSetupDone) {
		return nil // somebody was faster, which is as good
	}
	return err
}

// createOwner checks the fields of the owner and stores it as the first user.
func (s *Service) createOwner(ctx context.Context, p SetupParams) (User, error) {
	u, err := s.checkOwner(p)
	if err != nil {
		return User{}, err
	}
	id, err := uuid.NewV7FromReader(s.rand)
	if err != nil {
		return User{}, fmt.Errorf("create owner: %w", err)
	}
	if err := s.hasher.acquire(ctx); err != nil {
		return User{}, err
	}
	hash, err := s.hashPassword(p.Password)
	s.hasher.release()
	if err != nil {
		return User{}, fmt.Errorf("create owner: %w", err)
	}
	now := s.wall()
	u.ID, u.Role, u.PasswordHash, u.CreatedAt, u.UpdatedAt = id.String(), RoleOwner, hash, now, now
	if err := s.store.CreateFirstUser(ctx, u); err != nil {
		return User{}, fmt.Errorf("create owner: %w", err)
	}
	return u, nil
}

// checkOwner gives the user that the fields describe, or what is wrong with
// all of them at once. Without a name the address before the @ is the name.
func (s *Service) checkOwner(p SetupParams) (User, error) {
	var faults []problem.Field
	add := func(name string, text problem.Text) {
		faults = append(faults, problem.Field{Name: name, Text: text})
	}
	email, ok := normalEmail(p.Email)
	if !ok {
		add("email", problem.Text{Key: "error.email"})
	}
	name := strings.TrimSpace(p.Name)
	if name == "" {
		name, _, _ = strings.Cut(email, "@")
		name = clip(name, MaxUserName)
	}
	if utf8.RuneCountInString(name) > MaxUserName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		add("name", problem.Text{Key: "error.user_name", Args: []any{"max", MaxUserName}})
	}
	if fault := s.checkPassword(p.Password, email); fault != nil {
		add("password", *fault)
	}
	if err := checkLanguage(p.Language); err != nil {
		add("language", problem.Text{Key: "error.language"})
	}
	if len(faults) > 0 {
		return User{}, problem.WithFields(problem.Invalid, faults...)
	}
	return User{Email: email, Name: name, Language: p.Language}, nil
}

// normalEmail trims and lowers an address; ok is false when it cannot be one.
// Whether mail arrives there is not our question: it is a name to sign in with.
func normalEmail(raw string) (email string, ok bool) {
	email = strings.ToLower(strings.TrimSpace(raw))
	local, domain, found := strings.Cut(email, "@")
	bad := func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || r == '@' || r == utf8.RuneError
	}
	if !found || local == "" || domain == "" || len(email) > 254 {
		return email, false
	}
	return email, !strings.ContainsFunc(local, bad) && !strings.ContainsFunc(domain, bad)
}

// checkLanguage accepts the shape of a BCP 47 tag; empty means the browser's.
func checkLanguage(lang string) error {
	bad := func(r rune) bool {
		return r != '-' && (r > unicode.MaxASCII || (!unicode.IsLetter(r) && !unicode.IsDigit(r)))
	}
	if len(lang) > 35 || strings.ContainsFunc(lang, bad) {
		return problem.InvalidField("language", "error.language")
	}
	return nil
}
