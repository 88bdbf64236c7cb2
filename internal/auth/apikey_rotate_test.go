package auth_test

import (
	"errors"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

// A rotated key is good until its overlap ends, and so is the new one; scopes
// go over.
func TestRotateKey(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)
	s := auth.NewService(auth.Deps{Store: newVault(), Now: func() time.Time { return now }})
	old, k, err := s.CreateKey(t.Context(), auth.KeyParams{InstanceID: "i1", Name: "n8n", Scopes: []auth.Scope{auth.ScopeSend, auth.ScopeRead, auth.ScopeSend}})
	if err != nil {
		t.Fatal(err)
	}
	if !k.May(auth.ScopeRead) || !k.May(auth.ScopeSend) || k.May(auth.ScopeAdmin) || len(k.Scopes) != 2 {
		t.Errorf("scopes = %v", k.Scopes)
	}
	fresh, next, err := s.RotateKey(t.Context(), k.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if next.ID == k.ID || !next.May(auth.ScopeSend) || fresh == old || next.ClientID != k.ClientID {
		t.Errorf("next = %+v", next)
	}
	if _, _, err := s.RotateKey(t.Context(), k.ID, time.Hour); !errors.Is(err, auth.ErrReplaced) {
		t.Errorf("rotate it again: %v", err)
	}
	for _, step := range []struct {
		after    time.Duration
		old, new bool
	}{{0, true, true}, {time.Hour - time.Second, true, true}, {time.Second, false, true}} {
		now = now.Add(step.after)
		for text, want := range map[string]bool{old: step.old, fresh: step.new} {
			if _, err := s.Key(t.Context(), text); (err == nil) != want {
				t.Errorf("after %s: %v, want good: %v", step.after, err, want)
			}
			if _, err := s.InSPRLKey(t.Context(), text, k.ClientID); (err == nil) != want {
				t.Errorf("after %s at InSPRL's door: %v, want good: %v", step.after, err, want)
			}
		}
	}
	if _, _, err := s.RotateKey(t.Context(), k.ID, time.Hour); !errors.Is(err, auth.ErrNoSuch) {
		t.Errorf("rotate an expired key: %v", err)
	}
	if _, err := s.InSPRLKey(t.Context(), fresh, ""); !errors.Is(err, auth.ErrUnauthorized) {
		t.Errorf("without its client id at InSPRL's door: %v", err)
	}
}

func TestKeyInput(t *testing.T) {
	t.Parallel()
	s := auth.NewService(auth.Deps{Store: newVault()})
	for name, p := range map[string]auth.KeyParams{
		"no name":       {InstanceID: "i1", Scopes: []auth.Scope{auth.ScopeRead}},
		"no scope":      {InstanceID: "i1", Name: "x"},
		"unknown scope": {InstanceID: "i1", Name: "x", Scopes: []auth.Scope{"root"}},
		"expired":       {InstanceID: "i1", Name: "x", Scopes: []auth.Scope{auth.ScopeRead}, ExpiresAt: time.Unix(0, 0)},
	} {
		if _, _, err := s.CreateKey(t.Context(), p); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The two sorts of tokens do not pass for each other, whatever ids they name.
func TestTokensOfTwoSorts(t *testing.T) {
	t.Parallel()
	s := auth.NewService(auth.Deps{Store: newVault()})
	business, err := s.BusinessToken(t.Context(), auth.BusinessClaims{BusinessID: "x", TokenID: "t"})
	if err != nil {
		t.Fatal(err)
	}
	instance, err := s.InstanceToken(t.Context(), auth.InstanceClaims{InstanceID: "x", TokenID: "t"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ParseInstanceToken(t.Context(), business); !errors.Is(err, auth.ErrUnauthorized) {
		t.Errorf("business token as instance token: %v", err)
	}
	if _, err := s.ParseBusinessToken(t.Context(), instance); !errors.Is(err, auth.ErrUnauthorized) {
		t.Errorf("instance token as business token: %v", err)
	}
	if c, err := s.ParseBusinessToken(t.Context(), business); err != nil || c.BusinessID != "x" || c.TokenID != "t" {
		t.Errorf("claims = %+v, %v", c, err)
	}
}
