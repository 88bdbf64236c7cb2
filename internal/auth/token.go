package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	tokenIssuer   = "pombal"
	tokenAudience = "codechat"
	// businessAudience keeps the two sorts apart: neither opens the other's
	// routes, whatever ids they name.
	businessAudience = "codechat-business"
	tokenSecret      = "jwt" // its name in the store
	maxToken         = 2048  // ours have about 300 characters
)

// instanceClaims are the claims in the order they are written. The times of
// RegisteredClaims are only read: ours do not end by themselves, they are
// revoked by their id.
type instanceClaims struct {
	TokenID   string           `json:"jti"`
	Subject   string           `json:"sub"`
	Issuer    string           `json:"iss"`
	Audience  string           `json:"aud"`
	IssuedAt  int64            `json:"iat"`
	ExpiresAt *jwt.NumericDate `json:"exp,omitempty"`
	NotBefore *jwt.NumericDate `json:"nbf,omitempty"`
}

// GetExpirationTime is what jwt checks as exp.
func (c instanceClaims) GetExpirationTime() (*jwt.NumericDate, error) { return c.ExpiresAt, nil }

// GetNotBefore is what jwt checks as nbf.
func (c instanceClaims) GetNotBefore() (*jwt.NumericDate, error) { return c.NotBefore, nil }

// GetIssuedAt is not checked: after a clock was set back every token would be
// from the future.
func (c instanceClaims) GetIssuedAt() (*jwt.NumericDate, error) { return nil, nil }

// GetAudience is what jwt checks as aud.
func (c instanceClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}

// GetIssuer is what jwt checks as iss.
func (c instanceClaims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject is the instance id.
func (c instanceClaims) GetSubject() (string, error) { return c.Subject, nil }

var errClaims = errors.New("a token needs a subject and a token id")

// InstanceToken gives the text of the token with these claims: HS256 with the
// file's own secret. Equal claims give equal text, so no token is stored.
func (s *Service) InstanceToken(ctx context.Context, c InstanceClaims) (string, error) {
	return s.signToken(ctx, instanceClaims{
		TokenID: c.TokenID, Subject: c.InstanceID, Audience: tokenAudience, IssuedAt: c.IssuedAt.Unix(),
	})
}

// ParseInstanceToken checks a token and gives its claims; ErrUnauthorized for
// any that InstanceToken did not make or that is past its exp. Whether the
// token id is still the instance's is for the caller to compare.
func (s *Service) ParseInstanceToken(ctx context.Context, text string) (InstanceClaims, error) {
	c, err := s.parseToken(ctx, text, tokenAudience)
	if err != nil {
		return InstanceClaims{}, err
	}
	return InstanceClaims{InstanceID: c.Subject, TokenID: c.TokenID, IssuedAt: time.Unix(c.IssuedAt, 0).UTC()}, nil
}

func (s *Service) signToken(ctx context.Context, c instanceClaims) (string, error) {
	if c.Subject == "" || c.TokenID == "" {
		return "", errClaims
	}
	secret, err := s.store.Secret(ctx, tokenSecret)
	if err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	c.Issuer = tokenIssuer
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	return text, nil
}

func (s *Service) parseToken(ctx context.Context, text, audience string) (instanceClaims, error) {
	// base64 skips line breaks; without this one token would have many texts.
	if len(text) > maxToken || strings.ContainsAny(text, "\r\n") {
		return instanceClaims{}, ErrUnauthorized
	}
	secret, err := s.store.Secret(ctx, tokenSecret)
	if err != nil {
		return instanceClaims{}, fmt.Errorf("check token: %w", err)
	}
	var claims instanceClaims
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(tokenIssuer),
		jwt.WithAudience(audience),
		jwt.WithTimeFunc(s.now),
		jwt.WithStrictDecoding(),
	)
	token, err := parser.ParseWithClaims(text, &claims, func(t *jwt.Token) (any, error) {
		// The header names no key here: kid, jku and jwk are not looked at. An
		// extension that must be understood is one we do not understand.
		if _, critical := t.Header["crit"]; critical {
			return nil, jwt.ErrTokenUnverifiable
		}
		return secret, nil
	})
	if err != nil || !token.Valid || claims.Subject == "" || claims.TokenID == "" {
		return instanceClaims{}, ErrUnauthorized
	}
	return claims, nil
}
