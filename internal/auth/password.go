package auth

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"pombal/internal/problem"
)

// The lengths of a password, in characters.
const (
	MinPassword = 12
	MaxPassword = 256
)

const (
	saltLength = 16
	keyLength  = 32
)

// cost is what one hash costs. Memory is in KiB.
type cost struct {
	time, memory uint32
	threads      uint8
}

// currentCost is OWASP's and ASVS's second choice: 44 ms on a small machine and
// 19 MiB, of which a box with 256 MiB bears two at a time.
func currentCost() cost { return cost{time: 2, memory: 19456, threads: 1} }

// below says whether a hash of this cost should be made anew at now's cost.
func (c cost) below(now cost) bool {
	return c.time < now.time || c.memory < now.memory || c.threads < now.threads
}

func (c cost) phc(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, c.memory, c.time, c.threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

func (c cost) key(password string, salt []byte, length int) []byte {
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, c.time, c.memory, c.threads, uint32(length))
}

var errPHC = errors.New("stored password hash is not argon2id in PHC form")

// parsePHC reads what phc wrote. The bounds keep a damaged record from asking
// for all memory there is.
func parsePHC(text string) (c cost, salt, key []byte, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return cost{}, nil, nil, errPHC
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return cost{}, nil, nil, errPHC
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads); err != nil {
		return cost{}, nil, nil, errPHC
	}
	if c.memory < 8 || c.memory > 1<<20 || c.time < 1 || c.time > 64 || c.threads < 1 || c.threads > 16 {
		return cost{}, nil, nil, errPHC
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || len(salt) < 8 || len(key) < 16 || len(key) > 64 {
		return cost{}, nil, nil, errPHC
	}
	return c, salt, key, nil
}

// The hasher's limits: each hash takes 19 MiB and one core for 44 ms, so many
// at once would stall everything else.
const (
	maxHashes = 2
	maxQueue  = 16
)

// hasher lets a few hash at a time, some wait, and turns the others away.
type hasher struct {
	slots   chan struct{}
	present atomic.Int64
	// derive is the work of a check: cost.key, whose calls tests count.
	derive func(c cost, password string, salt []byte, length int) []byte
}

func newHasher() *hasher { return &hasher{slots: make(chan struct{}, maxHashes), derive: cost.key} }

// acquire waits for a slot; problem.Unavailable when too many wait already.
// Every nil is followed by one release.
func (h *hasher) acquire(ctx context.Context) error {
	if h.present.Add(1) > maxHashes+maxQueue {
		h.present.Add(-1)
		busy := problem.New(problem.Unavailable, "error.busy")
		busy.RetryAfter = 5 * time.Second
		return busy
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		h.present.Add(-1)
		return fmt.Errorf("wait for password check: %w", ctx.Err())
	}
}

// release gives the slot back. When nobody waits for one, the 19 MiB that the
// hash took go back to the system at once: on a small machine they are most of
// what an idle Pombal would hold.
func (h *hasher) release() {
	<-h.slots
	if h.present.Add(-1) == 0 {
		debug.FreeOSMemory()
	}
}

// hashPassword makes the PHC string of a password; the caller holds a slot.
func (s *Service) hashPassword(password string) (string, error) {
	salt, err := s.random(saltLength)
	if err != nil {
		return "", err
	}
	return s.cost.phc(salt, s.cost.key(password, salt, keyLength)), nil
}

// verifyPassword says whether a password has a hash, and whether the hash
// should be made anew; the caller holds a slot.
func (s *Service) verifyPassword(phc, password string) (ok, outdated bool, err error) {
	c, salt, want, err := parsePHC(phc)
	if err != nil {
		return false, false, err
	}
	got := s.hasher.derive(c, password, salt, len(want))
	return subtle.ConstantTimeCompare(got, want) == 1, c.below(s.cost), nil
}

//go:embed passwords.txt
var passwordList string

// commonPasswords reads the embedded list: one entry a line, in lower case,
// lines with # are comments.
func commonPasswords() map[string]bool {
	common := make(map[string]bool)
	for line := range strings.Lines(passwordList) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			common[line] = true
		}
	}
	return common
}

// checkPassword says what is wrong with a new password of somebody; nil when
// nothing is. There are no rules about kinds of characters.
func (s *Service) checkPassword(password, email string) *problem.Text {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		return &problem.Text{Key: "error.password_text"}
	case n < MinPassword:
		return &problem.Text{Key: "error.password_short", Args: []any{"min", MinPassword}}
	case n > MaxPassword:
		return &problem.Text{Key: "error.password_long", Args: []any{"max", MaxPassword}}
	case s.isCommon(password):
		return &problem.Text{Key: "error.password_common"}
	case isOwnName(password, email):
		return &problem.Text{Key: "error.password_own"}
	default:
		return nil
	}
}

// isCommon recognises the entries of the list, also with digits and signs
// around them and written twice or more, and passwords of very few different
// characters.
func (s *Service) isCommon(password string) bool {
	lower := strings.ToLower(password)
	core := strings.TrimFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) })
	if s.common[lower] || s.common[core] || s.common[unrepeated(lower)] || s.common[unrepeated(core)] {
		return true
	}
	different := make(map[rune]bool)
	for _, r := range lower {
		different[r] = true
	}
	return len(different) < 5
}

// unrepeated gives the part whose repetition a text is, or the text itself.
func unrepeated(text string) string {
	if text == "" {
		return text
	}
	// A text is a repetition of its first n bytes if it is found in its double
	// at n.
	n := strings.Index((text + text)[1:], text) + 1
	return text[:n]
}

// isOwnName says whether little is left of a password without the names that
// everybody would try first: the product's and the person's own.
func isOwnName(password, email string) bool {
	rest := strings.ToLower(password)
	local, _, _ := strings.Cut(email, "@")
	for _, name := range []string{email, local, "pombal", "whatsapp"} {
		if utf8.RuneCountInString(name) >= 4 {
			rest = strings.ReplaceAll(rest, strings.ToLower(name), "")
		}
	}
	return utf8.RuneCountInString(rest) < 8 && rest != strings.ToLower(password)
}
