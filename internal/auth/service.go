package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Deps are what a Service needs. Store must not be nil.
type Deps struct {
	Store Store
	Now   func() time.Time // nil means time.Now
	Rand  io.Reader        // nil means crypto/rand
	// GlobalKey opens every instance through the CodeChat door; empty means
	// that there is no such key.
	GlobalKey    string
	SetupCodeTTL time.Duration // 0 means 60 minutes
	Log          *slog.Logger  // nil means silence
}

// Service knows who somebody is. It is safe for concurrent use.
type Service struct {
	store     Store
	now       func() time.Time
	rand      io.Reader
	log       *slog.Logger
	globalKey [sha256.Size]byte
	hasGlobal bool
	hasher    *hasher
	cost      cost            // of new password hashes
	common    map[string]bool // passwords and words that too many people choose
	dummy     string          // a hash that no password has
	setup     *setup
	uses      *meter
	throttles sync.Mutex // makes "look, count, store" of a throttle one step
}

// NewService makes a Service.
func NewService(d Deps) *Service {
	s := &Service{
		store:     d.Store,
		now:       d.Now,
		rand:      d.Rand,
		log:       d.Log,
		globalKey: sha256.Sum256([]byte(d.GlobalKey)),
		hasGlobal: d.GlobalKey != "",
		hasher:    newHasher(),
		common:    commonPasswords(),
		setup:     newSetup(d.SetupCodeTTL),
		uses:      newMeter(),
	}
	s.setCost(currentCost())
	if s.now == nil {
		s.now = time.Now
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// setCost sets what password hashes cost from now on. The dummy costs the same;
// no password has it, since nobody finds one whose hash is all zeros.
func (s *Service) setCost(c cost) {
	s.cost = c
	s.dummy = c.phc(make([]byte, saltLength), make([]byte, keyLength))
}

// SetLanguage stores a user's language; ErrNoSuch.
func (s *Service) SetLanguage(ctx context.Context, userID, lang string) error {
	if err := checkLanguage(lang); err != nil {
		return err
	}
	_, err := s.store.UpdateUser(ctx, userID, func(u *User) error {
		u.Language, u.UpdatedAt = lang, s.wall()
		return nil
	})
	if err != nil {
		return fmt.Errorf("set language: %w", err)
	}
	return nil
}

// IsGlobalKey says whether key is the global API key, in a time that does not
// depend on how much of it is right. Without a global key no key is.
func (s *Service) IsGlobalKey(key string) bool {
	given := sha256.Sum256([]byte(key))
	same := subtle.ConstantTimeCompare(given[:], s.globalKey[:]) == 1
	return same && s.hasGlobal
}

// random gives n random bytes.
func (s *Service) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.rand, b); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return b, nil
}

// randomText gives 256 random bits as text for a cookie or a key.
func (s *Service) randomText() (string, error) {
	b, err := s.random(32)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// wall is the time as it is stored: UTC, without a monotonic part.
func (s *Service) wall() time.Time { return s.now().UTC().Round(0) }

// hashText is how sessions and keys are stored. They hold 256 random bits, so
// nothing slower is needed.
func hashText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
