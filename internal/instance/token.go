package instance

import (
	"context"
	"slices"
	"time"

	"pombal/internal/event"
	"pombal/internal/problem"
)

// Token is what is stored of a token: its claims. The text is recomputed from
// them, so no token lies in the file.
type Token struct {
	ID        string    `json:"id"` // CodeChat's authId and the JWT's jti
	IssuedAt  time.Time `json:"issuedAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	// Former are the tokens that this one replaced and that are still good for
	// a while, so that programs can change over without a gap.
	Former []FormerToken `json:"former,omitempty"`
}

// FormerToken is a token that was replaced.
type FormerToken struct {
	ID    string    `json:"id"`
	Until time.Time `json:"until"` // good before
}

// Limits of a rotation.
const (
	// TokenOverlap is how long a replaced token stays good when nobody says
	// otherwise.
	TokenOverlap = time.Hour
	// MaxTokenOverlap is the longest that may be asked for.
	MaxTokenOverlap = 7 * 24 * time.Hour

	maxFormer = 8
)

// ErrTokenReplaced: the token to replace is not the one in use.
var ErrTokenReplaced = problem.InvalidField("oldToken", "error.invalid")

// errTooManyFormer keeps the promise made for each replaced token: one more
// rotation would have to break one.
var errTooManyFormer = problem.New(problem.TooMany, "error.too_many")

// Good says whether a token with this id opens the door at the time now.
func (t Token) Good(id string, now time.Time) bool {
	if id == "" {
		return false
	}
	if id == t.ID {
		return true
	}
	return slices.ContainsFunc(t.Former, func(f FormerToken) bool { return f.ID == id && now.Before(f.Until) })
}

func newToken(now time.Time) (Token, error) {
	id, err := event.NewID()
	return Token{ID: id, IssuedAt: now, UpdatedAt: now}, err
}

// rotated gives the token that follows t. The slice is a new one: copies of an
// instance share the old.
func (t Token) rotated(p RotateParams, now time.Time) (Token, error) {
	if p.OldID == "" || p.OldID != t.ID {
		return Token{}, ErrTokenReplaced
	}
	if p.Overlap < 0 || p.Overlap > MaxTokenOverlap {
		return Token{}, problem.InvalidField("overlapSeconds", "error.invalid")
	}
	next, err := newToken(now)
	if err != nil {
		return Token{}, err
	}
	if p.Overlap == 0 {
		return next, nil // whoever wants no overlap wants no older token either
	}
	for _, f := range t.Former {
		if now.Before(f.Until) {
			next.Former = append(next.Former, f)
		}
	}
	if len(next.Former) >= maxFormer {
		return Token{}, errTooManyFormer
	}
	next.Former = append(next.Former, FormerToken{ID: t.ID, Until: now.Add(p.Overlap)})
	return next, nil
}

// RotateParams are the inputs of Manager.RotateToken and
// Manager.RotateBusinessToken.
type RotateParams struct {
	OldID   string        // must be the id of the token in use
	Overlap time.Duration // how long the old one stays good; 0 ends it, and all before it, at once
}

// RotateToken gives an instance another token. The newJwt event is recorded in
// the commit that stores it, so nobody hears of a token that is not kept.
// ErrTokenReplaced when p.OldID is not in use.
func (m *Manager) RotateToken(ctx context.Context, id string, p RotateParams) (Instance, error) {
	return m.change(ctx, id, func(r *runner) error {
		return r.apply(ctx, func(in *Instance) error {
			next, err := in.Token.rotated(p, r.deps.Now())
			if err == nil {
				in.Token = next
			}
			return err
		})
	})
}

// RotateBusinessToken is RotateToken for a tenant. It tells no webhook: the
// event belongs to instances.
func (m *Manager) RotateBusinessToken(ctx context.Context, id string, p RotateParams) (Business, error) {
	return m.deps.Store.UpdateBusiness(ctx, id, func(b *Business) error {
		next, err := b.Token.rotated(p, m.deps.Now())
		if err == nil {
			b.Token, b.UpdatedAt = next, m.deps.Now()
		}
		return err
	})
}
