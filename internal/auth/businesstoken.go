package auth

import (
	"context"
	"time"
)

// BusinessClaims are what a business token says. Like an instance token it is
// recomputed from its claims and never stored.
type BusinessClaims struct {
	BusinessID string
	TokenID    string // a token with another id is no longer good
	IssuedAt   time.Time
}

// BusinessToken gives the text of the token with these claims.
func (s *Service) BusinessToken(ctx context.Context, c BusinessClaims) (string, error) {
	return s.signToken(ctx, instanceClaims{
		TokenID: c.TokenID, Subject: c.BusinessID, Audience: businessAudience, IssuedAt: c.IssuedAt.Unix(),
	})
}

// ParseBusinessToken checks a token and gives its claims; ErrUnauthorized for
// any that BusinessToken did not make. Whether the token id is still good is
// for the caller to compare.
func (s *Service) ParseBusinessToken(ctx context.Context, text string) (BusinessClaims, error) {
	c, err := s.parseToken(ctx, text, businessAudience)
	if err != nil {
		return BusinessClaims{}, err
	}
	return BusinessClaims{BusinessID: c.Subject, TokenID: c.TokenID, IssuedAt: time.Unix(c.IssuedAt, 0).UTC()}, nil
}
