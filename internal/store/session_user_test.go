package store_test

import (
	"errors"
	"testing"

	"pombal/internal/auth"
	"pombal/internal/store/storetest"
)

func TestReplaceSessions(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	if err := db.CreateFirstUser(t.Context(), auth.User{ID: "u1", Email: "a@example.org"}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []auth.Session{{ID: "s1", UserID: "u1"}, {ID: "s2", UserID: "u1"}, {ID: "s3", UserID: "u2"}} {
		if err := db.CreateSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	refused := errors.New("refused")
	err := db.ReplaceSessions(t.Context(), "u1", func(*auth.User) error { return refused }, auth.Session{ID: "s4", UserID: "u1"})
	if own, _ := db.SessionsOf(t.Context(), "u1"); !errors.Is(err, refused) || len(own) != 2 {
		t.Errorf("refused: %v, %d sessions", err, len(own))
	}
	err = db.ReplaceSessions(t.Context(), "u1", func(u *auth.User) error { u.Name = "B"; return nil }, auth.Session{ID: "s4", UserID: "u1"})
	if err != nil {
		t.Fatal(err)
	}
	own, err := db.SessionsOf(t.Context(), "u1")
	if err != nil || len(own) != 1 || own[0].ID != "s4" {
		t.Errorf("own sessions: %v, %v", own, err)
	}
	if _, err := db.Session(t.Context(), "s3"); err != nil {
		t.Errorf("another's session: %v", err)
	}
	if u, err := db.User(t.Context(), "u1"); err != nil || u.Name != "B" {
		t.Errorf("the user: %+v, %v", u, err)
	}
	if err := db.ReplaceSessions(t.Context(), "none", func(*auth.User) error { return nil }, auth.Session{ID: "s5"}); !errors.Is(err, auth.ErrNoSuch) {
		t.Errorf("nobody: %v", err)
	}
}
