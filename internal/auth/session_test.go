package auth_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"pombal/internal/auth"
)

func (d desk) open(t *testing.T, keep bool) (string, auth.Session) {
	t.Helper()
	token, s, err := d.OpenSession(t.Context(), d.owner(t).ID, auth.SessionParams{Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	return token, s
}

func (d desk) alive(t *testing.T, token string, byPerson bool) bool {
	t.Helper()
	_, _, err := d.Resume(t.Context(), token, byPerson)
	if err != nil && !errors.Is(err, auth.ErrUnauthorized) {
		t.Fatal(err)
	}
	return err == nil
}

func TestSessionsAreStoredAsHashes(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	seen := make(map[string]bool)
	for range 50 {
		token, s := d.open(t, false)
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(raw) != 32 || seen[token] || len(s.ID) != 64 || s.ID == token {
			t.Fatalf("token %q, id %q", token, s.ID)
		}
		seen[token] = true
		if strings.Contains(string(d.vault.dump(t)), token) {
			t.Fatal("the cookie lies in the file")
		}
		if d.alive(t, s.ID, false) {
			t.Fatal("the stored id opens the session")
		}
	}
}

func TestClientsCannotChooseASession(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	brought := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for _, token := range []string{brought, "", "x", strings.Repeat("A", 1000), brought + "="} {
		if d.alive(t, token, true) {
			t.Errorf("%.50q opens a session", token)
		}
	}
	token, _ := d.open(t, false)
	if token == brought || d.alive(t, brought, true) || len(d.vault.sessions) != 1 {
		t.Error("a brought id was taken over")
	}
}

func TestSessionLimits(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		keep  bool
		every time.Duration // a request of a person; 0: none
		polls bool
		ends  time.Duration
	}{
		{"idle", false, 0, false, 12 * time.Hour},
		{"polls do not count", false, 0, true, 12 * time.Hour},
		{"used each hour", false, time.Hour, false, 7 * 24 * time.Hour},
		{"kept, idle", true, 0, true, 7 * 24 * time.Hour},
		{"kept, used each day", true, 24 * time.Hour, false, 30 * 24 * time.Hour},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk().withOwner(t)
			token, _ := d.open(t, c.keep)
			step := 30 * time.Minute
			for age := step; age < c.ends; age += step {
				d.clock.add(step)
				if c.every != 0 && age%c.every == 0 {
					if !d.alive(t, token, true) {
						t.Fatalf("ended after %v, want %v", age, c.ends)
					}
				} else if c.polls && !d.alive(t, token, false) {
					t.Fatalf("ended after %v, want %v", age, c.ends)
				}
			}
			d.clock.add(step - time.Second)
			if !d.alive(t, token, false) {
				t.Fatalf("ended before %v", c.ends)
			}
			d.clock.add(time.Second)
			if d.alive(t, token, false) {
				t.Fatalf("alive after %v", c.ends)
			}
			if len(d.vault.sessions) != 0 {
				t.Error("the ended session still lies in the file")
			}
			d.clock.add(-24 * time.Hour)
			if d.alive(t, token, false) {
				t.Error("alive again after the clock was set back")
			}
		})
	}
}

func TestExtendingWritesOnceAMinute(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	token, _ := d.open(t, false)
	for range 600 {
		d.clock.add(time.Second)
		d.alive(t, token, true)
	}
	if n := d.vault.count("UpdateSession"); n != 10 {
		t.Errorf("%d writes in ten minutes, want 10", n)
	}
	d.vault.fail["UpdateSession"] = errors.New("disk is full")
	d.clock.add(time.Hour)
	if !d.alive(t, token, true) {
		t.Error("a disk that refuses writes ended the session")
	}
}

func TestLogoutEndsTheSession(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	token, _ := d.open(t, true)
	other, _ := d.open(t, false)
	if err := d.Logout(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if d.alive(t, token, true) || !d.alive(t, other, true) {
		t.Error("the wrong session ended")
	}
	if err := d.Logout(t.Context(), token); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestSessionOfAUserWhoIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	token, _ := d.open(t, false)
	clear(d.vault.users)
	if d.alive(t, token, true) || len(d.vault.sessions) != 0 {
		t.Error("the session outlived its user")
	}
}

func TestOldSessionsAreSwept(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	for range 10 {
		d.open(t, true)
	}
	d.clock.add(8 * 24 * time.Hour)
	d.open(t, false)
	if n := len(d.vault.sessions); n != 1 {
		t.Errorf("%d sessions lie in the file, want 1", n)
	}
}

func TestProof(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	token, s := d.open(t, false)
	if !d.Proved(s) {
		t.Error("right after the login")
	}
	d.clock.add(10 * time.Minute)
	if d.Proved(s) {
		t.Error("after ten minutes")
	}
	if _, err := d.Prove(t.Context(), token, "wrong password!", ""); !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("a wrong password: got %v", err)
	}
	if s, _, err := d.Resume(t.Context(), token, false); err != nil || d.Proved(s) {
		t.Errorf("after a wrong password: proved, %v", err)
	}
	s, err := d.Prove(t.Context(), token, password, "")
	if err != nil || !d.Proved(s) {
		t.Errorf("the right password: %v", err)
	}
	if s, _, err := d.Resume(t.Context(), token, false); err != nil || !d.Proved(s) {
		t.Errorf("the proof was not stored: %v", err)
	}
	if _, err := d.Prove(t.Context(), "nobody", password, ""); !errors.Is(err, auth.ErrUnauthorized) {
		t.Errorf("without a session: got %v", err)
	}
	d.clock.add(-time.Hour)
	if d.Proved(s) {
		t.Error("a proof of the future counts")
	}
}

func TestSetLanguage(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	id := d.owner(t).ID
	if err := d.SetLanguage(t.Context(), id, "hi"); err != nil || d.owner(t).Language != "hi" {
		t.Errorf("got %q, %v", d.owner(t).Language, err)
	}
	if err := d.SetLanguage(t.Context(), id, "<b>"); faults(t, err)["language"] != "error.language" {
		t.Errorf("got %v", err)
	}
	if err := d.SetLanguage(t.Context(), "nobody", "hi"); !errors.Is(err, auth.ErrNoSuch) {
		t.Errorf("got %v", err)
	}
}

func TestCSRF(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	_, mine := d.open(t, false)
	_, other := d.open(t, false)
	seen := make(map[string]bool)
	for range 100 {
		token := auth.CSRFToken(mine)
		if seen[token] || !auth.CheckCSRF(mine, token) || auth.CheckCSRF(other, token) {
			t.Fatalf("token %q", token)
		}
		seen[token] = true
	}
	token := auth.CSRFToken(mine)
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	for i := range raw {
		forged := append([]byte(nil), raw...)
		forged[i] ^= 1
		if auth.CheckCSRF(mine, base64.RawURLEncoding.EncodeToString(forged)) {
			t.Errorf("a change of byte %d was not noticed", i)
		}
	}
	for _, forged := range []string{
		"", "x", token + "A", token[1:], token + "=", base64.StdEncoding.EncodeToString(raw),
		base64.RawURLEncoding.EncodeToString(make([]byte, 64)), base64.RawURLEncoding.EncodeToString(mine.CSRFKey), token + "\n",
	} {
		if auth.CheckCSRF(mine, forged) {
			t.Errorf("%q was accepted", forged)
		}
	}
	if auth.CheckCSRF(auth.Session{}, auth.CSRFToken(auth.Session{})) {
		t.Error("a session without a key has a token")
	}
}
