package auth_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
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

func TestFewHashesAtATime(t *testing.T) {
	t.Parallel()
	d := newCostlyDesk().withOwner(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	kinds := make(map[problem.Kind]int)
	for i := range 100 {
		wg.Go(func() {
			start := time.Now()
			_, _, err := d.Login(t.Context(), auth.LoginParams{
				Email: fmt.Sprintf("u%d@example.com", i), Password: "x", Session: auth.SessionParams{Address: fmt.Sprintf("10.0.0.%d", i)},
			})
			mu.Lock()
			defer mu.Unlock()
			kinds[problem.KindOf(err)]++
			if e := problem.As(err); e != nil && e.Kind == problem.Unavailable {
				took = append(took, time.Since(start))
				if e.RetryAfter <= 0 {
					t.Error("no Retry-After")
				}
			}
		})
	}
	wg.Wait()
	if kinds[problem.Unauthorized]+kinds[problem.Unavailable] != 100 || kinds[problem.Unauthorized] < 18 || kinds[problem.Unavailable] < 10 {
		t.Errorf("got %v, want at least 18 looked at and the rest turned away", kinds)
	}
	if worst := slices.Max(took); worst > 2*time.Second {
		t.Errorf("somebody was turned away after %v", worst)
	}
	if _, _, err := d.login(t, password, ""); err != nil {
		t.Errorf("after the storm: %v", err)
	}
}

func TestSameWorkForUnknownAccounts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("measures time")
	}
	d := newCostlyDesk().withOwner(t)
	measure := func(address string) time.Duration {
		var samples []time.Duration
		for range 15 {
			d.vault.mu.Lock()
			clear(d.vault.throttles)
			d.vault.mu.Unlock()
			start := time.Now()
			_, _, err := d.Login(t.Context(), auth.LoginParams{Email: address, Password: "not the password"})
			samples = append(samples, time.Since(start))
			if !errors.Is(err, auth.ErrCredentials) || err.Error() != auth.ErrCredentials.Error() {
				t.Fatalf("got %v, want the same refusal for all", err)
			}
		}
		slices.Sort(samples)
		return samples[len(samples)/2]
	}
	known, unknown := measure(email), measure("nobody@example.com")
	// Wide bounds, because the machine is shared; without the dummy hash the
	// unknown account would be a thousand times faster.
	if ratio := float64(unknown) / float64(known); ratio < 0.4 || ratio > 2.5 {
		t.Errorf("known %v, unknown %v", known, unknown)
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
