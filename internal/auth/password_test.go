package auth_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

func TestPasswordRules(t *testing.T) {
	t.Parallel()
	cases := []struct {
		password string
		want     string // catalogue key, "" when it is accepted
	}{
		{"seven green bicycles", ""},
		{"               q1z", "error.password_common"}, // four different characters
		{"abcdefghijk!", "error.password_common"},
		{"kT9#mQ2$vX7!", ""},
		{"kt9mq2vx7wpz", ""},
		{"नमस्ते मेरे प्यारे दोस्त", ""},
		{"ação-verão-maçã", ""},
		{strings.Repeat("ab3-x", 51) + "y", ""},
		{strings.Repeat("é1-xø", 51) + "y", ""}, // 256 characters, more bytes
		{"", "error.password_short"},
		{"elevenchars", "error.password_short"},
		{"éééééééééég", "error.password_short"}, // 11 characters, 21 bytes
		{strings.Repeat("ab3-x", 51) + "yz", "error.password_long"},
		{"seven green\xff bicycles", "error.password_text"},
		{"123456789012", "error.password_common"},
		{"Password1234", "error.password_common"},
		{"password!!!!", "error.password_common"},
		{"12345password", "error.password_common"},
		{"PASSWORDPASSWORD", "error.password_common"},
		{"qwerty123456", "error.password_common"},
		{"Senha1234567", "error.password_common"},
		{"minhasenha123", "error.password_common"},
		{"flamengo2024!", "error.password_common"},
		{"contraseña123", "error.password_common"},
		{"correcthorsebatterystaple", "error.password_common"},
		{"aaaaaaaaaaaaaaaa", "error.password_common"},
		{"abababababab", "error.password_common"},
		{"123412341234", "error.password_common"},
		{"changeme12345", "error.password_common"},
		{"administrator", "error.password_common"},
		{"Pombal123456", "error.password_common"},
		{"pombal.whatsapp", "error.password_own"},
		{"whatsapp-pombal-1", "error.password_own"},
		{"ana@example.com", "error.password_own"},
		{"ana@example.com1", "error.password_own"},
		{"ANA@EXAMPLE.COM!!", "error.password_own"},
		{"pombal has seven doves", ""},
	}
	for _, c := range cases {
		t.Run(c.password, func(t *testing.T) {
			t.Parallel()
			err := newDesk().EnsureOwner(t.Context(), email, c.password)
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v, want it accepted", err)
				}
				return
			}
			if got := faults(t, err); got["password"] != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

// faults gives the fields of an Invalid error as name: key.
func faults(t *testing.T, err error) map[string]string {
	t.Helper()
	e := problem.As(err)
	if e == nil || e.Kind != problem.Invalid {
		t.Fatalf("got %v, want an Invalid error", err)
	}
	got := make(map[string]string)
	for _, f := range e.Fields {
		got[f.Name] = f.Text.Key
	}
	return got
}

func TestPasswordsAreStoredAsArgon2id(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	a, b := newCostlyDesk().withOwner(t), newCostlyDesk().withOwner(t)
	for _, d := range []desk{a, b} {
		if got := d.owner(t).PasswordHash; !shape.MatchString(got) {
			t.Errorf("got %q", got)
		}
		if strings.Contains(string(d.vault.dump(t)), password) {
			t.Error("the password lies in the file")
		}
	}
	if a.owner(t).PasswordHash == b.owner(t).PasswordHash {
		t.Error("equal passwords gave equal hashes")
	}
}

func TestOneAccentHasTwoSpellings(t *testing.T) {
	t.Parallel()
	d := newDesk()
	if err := d.EnsureOwner(t.Context(), email, "ac\u0327a\u0303o do verao"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.login(t, "a\u00e7\u00e3o do verao", ""); err != nil {
		t.Errorf("the composed spelling: %v", err)
	}
}

func TestHashIsRenewedWhenTheCostRises(t *testing.T) {
	t.Parallel()
	// "seven green bicycles" at m=64, t=1, p=1 with the salt 0123456789abcdef.
	weak := auth.PHC(password, []byte("0123456789abcdef"), 1, 64, 1)
	d := newCostlyDesk().withOwner(t)
	id := d.owner(t).ID
	u := d.vault.users[id]
	u.PasswordHash = weak
	d.vault.users[id] = u
	if _, _, err := d.login(t, "wrong password!", ""); !errors.Is(err, auth.ErrCredentials) {
		t.Fatalf("got %v", err)
	}
	if d.owner(t).PasswordHash != weak {
		t.Error("a wrong password renewed the hash")
	}
	if _, _, err := d.login(t, password, ""); err != nil {
		t.Fatal(err)
	}
	renewed := d.owner(t).PasswordHash
	if !strings.HasPrefix(renewed, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %q", renewed)
	}
	if _, _, err := d.login(t, password, ""); err != nil {
		t.Errorf("with the renewed hash: %v", err)
	}
	if d.owner(t).PasswordHash != renewed {
		t.Error("a hash of the current cost was renewed")
	}
}

func TestDamagedHashes(t *testing.T) {
	t.Parallel()
	good := auth.PHC(password, []byte("0123456789abcdef"), 1, 64, 1)
	for _, bad := range []string{
		"", "x", password, strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=4294967295", 1), strings.Replace(good, "t=1", "t=0", 1),
		strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "p=1", "p=300", 1), good + "$x", good[:len(good)-40],
		strings.Replace(good, "m=64", "m=-1", 1),
	} {
		d := newDesk().withOwner(t)
		id := d.owner(t).ID
		u := d.vault.users[id]
		u.PasswordHash = bad
		d.vault.users[id] = u
		if _, _, err := d.login(t, password, ""); err == nil || problem.KindOf(err) != problem.Internal {
			t.Errorf("%q: got %v, want an internal error", bad, err)
		}
	}
}

// While all places for a hash are taken, a few wait for one and the others are
// turned away at once, which those who wait do not see.
func TestFewHashesAtATime(t *testing.T) {
	t.Parallel()
	d := newCostlyDesk().withOwner(t)
	release, err := d.HoldHashes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const callers = 100
	answers := make(chan error, callers)
	for i := range callers {
		go func() {
			_, _, err := d.Login(t.Context(), auth.LoginParams{
				Email: fmt.Sprintf("u%d@example.com", i), Password: "x", Session: auth.SessionParams{Address: fmt.Sprintf("10.0.0.%d", i)},
			})
			answers <- err
		}()
	}
	limit := time.After(2 * time.Minute)
	answer := func() error {
		select {
		case err := <-answers:
			return err
		case <-limit:
			t.Fatal("no answer")
			return nil
		}
	}
	for range callers - auth.MaxHashQueue {
		if e := problem.As(answer()); e == nil || e.Kind != problem.Unavailable || e.RetryAfter <= 0 {
			t.Errorf("got %v, want to be turned away", e)
		}
	}
	release()
	for range auth.MaxHashQueue {
		if err := answer(); problem.KindOf(err) != problem.Unauthorized {
			t.Errorf("got %v, want to be looked at", err)
		}
	}
	if _, _, err := d.login(t, password, ""); err != nil {
		t.Errorf("after the storm: %v", err)
	}
}

// How long a login takes is the work on one key, and that is the same for
// accounts that are not there.
func TestSameWorkForUnknownAccounts(t *testing.T) {
	t.Parallel()
	d := newCostlyDesk().withOwner(t)
	var done []string
	d.OnDerive(func(work string) { done = append(done, work) })
	work := func(address, password string) []string {
		done = nil
		_, _, err := d.Login(t.Context(), auth.LoginParams{Email: address, Password: password})
		if !errors.Is(err, auth.ErrCredentials) || err.Error() != auth.ErrCredentials.Error() {
			t.Fatalf("got %v, want the same refusal for all", err)
		}
		return done
	}
	known := work(email, "not the password")
	if len(known) != 1 || !strings.Contains(known[0], "memory:19456") {
		t.Errorf("a known account: %v", known)
	}
	for _, try := range [][2]string{{"nobody@example.com", "not the password"}, {"no address", "x"}, {email, strings.Repeat("x", 100_000)}} {
		if unknown := work(try[0], try[1]); !slices.Equal(unknown, known) {
			t.Errorf("%s, %.20q: %v, want %v", try[0], try[1], unknown, known)
		}
	}
}

func BenchmarkLogin(b *testing.B) {
	d := newCostlyDesk()
	if err := d.EnsureOwner(b.Context(), email, password); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := d.Login(b.Context(), auth.LoginParams{Email: email, Password: password}); err != nil {
			b.Fatal(err)
		}
	}
}
