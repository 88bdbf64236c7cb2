package auth_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

func (d desk) setupCode(t *testing.T) string {
	t.Helper()
	code, needed, err := d.SetupCode(t.Context())
	if err != nil || !needed {
		t.Fatalf("got %v, %v; want a code", needed, err)
	}
	return code
}

func setupWith(code string) auth.SetupParams {
	return auth.SetupParams{Code: code, Name: "Ana", Email: email, Password: password, Language: "pt-BR"}
}

func TestSetup(t *testing.T) {
	t.Parallel()
	d := newDesk()
	code := d.setupCode(t)
	if !regexp.MustCompile(`^[2-9A-HJKMNP-TV-Z]{4}-[2-9A-HJKMNP-TV-Z]{4}$`).MatchString(code) {
		t.Errorf("code %q: want two groups of four unambiguous characters", code)
	}
	p := setupWith(" " + strings.ToLower(strings.Replace(code, "-", " ", 1)))
	p.Email = " Ana@Example.COM "
	u, err := d.Setup(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if u.Email != email || u.Name != "Ana" || u.Role != auth.RoleOwner || u.Language != "pt-BR" || u.ID == "" || !u.CreatedAt.Equal(d.clock.now()) {
		t.Errorf("got %+v", u)
	}
	if _, err := d.Setup(t.Context(), setupWith(code)); !errors.Is(err, auth.ErrSetupDone) {
		t.Errorf("a second time: got %v, want ErrSetupDone", err)
	}
	if _, err := d.restart().Setup(t.Context(), setupWith(code)); !errors.Is(err, auth.ErrSetupDone) {
		t.Errorf("after a restart: got %v, want ErrSetupDone", err)
	}
	if code, needed, err := d.SetupCode(t.Context()); code != "" || needed || err != nil {
		t.Errorf("a code after set-up: %q, %v, %v", code, needed, err)
	}
	if needs, err := d.NeedsSetup(t.Context()); needs || err != nil {
		t.Errorf("needs set-up: %v, %v", needs, err)
	}
	if _, _, err := d.login(t, password, ""); err != nil {
		t.Errorf("the owner cannot sign in: %v", err)
	}
}

func TestSetupFields(t *testing.T) {
	t.Parallel()
	d := newDesk()
	code := d.setupCode(t)
	change := func(change func(*auth.SetupParams)) auth.SetupParams {
		p := setupWith(code)
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		p    auth.SetupParams
		want map[string]string
	}{
		"no address":        {change(func(p *auth.SetupParams) { p.Email = "" }), map[string]string{"email": "error.email"}},
		"no @":              {change(func(p *auth.SetupParams) { p.Email = "ana" }), map[string]string{"email": "error.email"}},
		"two @":             {change(func(p *auth.SetupParams) { p.Email = "a@b@c" }), map[string]string{"email": "error.email"}},
		"space in it":       {change(func(p *auth.SetupParams) { p.Email = "a b@c" }), map[string]string{"email": "error.email"}},
		"line break in it":  {change(func(p *auth.SetupParams) { p.Email = "a@b\nc" }), map[string]string{"email": "error.email"}},
		"bytes in it":       {change(func(p *auth.SetupParams) { p.Email = "a@b\xff" }), map[string]string{"email": "error.email"}},
		"long address":      {change(func(p *auth.SetupParams) { p.Email = strings.Repeat("a", 255) + "@b" }), map[string]string{"email": "error.email"}},
		"long name":         {change(func(p *auth.SetupParams) { p.Name = strings.Repeat("é", 65) }), map[string]string{"name": "error.user_name"}},
		"control character": {change(func(p *auth.SetupParams) { p.Name = "a\x00" }), map[string]string{"name": "error.user_name"}},
		"language":          {change(func(p *auth.SetupParams) { p.Language = "../x" }), map[string]string{"language": "error.language"}},
		"several": {auth.SetupParams{Code: code}, map[string]string{
			"email": "error.email", "password": "error.password_short",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.Setup(t.Context(), c.p)
			got := faults(t, err)
			if len(got) != len(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			for field, key := range c.want {
				if got[field] != key {
					t.Errorf("%s: got %q, want %q", field, got[field], key)
				}
			}
		})
	}
	if n, _ := d.vault.CountUsers(t.Context()); n != 0 {
		t.Fatalf("%d users after refusals", n)
	}
	u, err := d.Setup(t.Context(), change(func(p *auth.SetupParams) { p.Name, p.Language = " ", "" }))
	if err != nil || u.Name != "ana" {
		t.Errorf("without a name: got %q, %v; want the part before the @", u.Name, err)
	}
}

func TestSetupCodeIsNeeded(t *testing.T) {
	t.Parallel()
	d := newDesk()
	for _, code := range []string{"", "AAAA-AAAA"} {
		if _, err := d.Setup(t.Context(), setupWith(code)); !errors.Is(err, auth.ErrSetupCode) {
			t.Errorf("before there is a code, %q: got %v, want ErrSetupCode", code, err)
		}
	}
	first := d.setupCode(t)
	second := d.setupCode(t)
	if first == second {
		t.Fatal("two calls made the same code")
	}
	if _, err := d.Setup(t.Context(), setupWith(first)); !errors.Is(err, auth.ErrSetupCode) {
		t.Errorf("the code before: got %v, want ErrSetupCode", err)
	}
	if _, err := d.Setup(t.Context(), setupWith(second)); err != nil {
		t.Errorf("the code now: %v", err)
	}
}

func TestSetupCodeHasFiveTries(t *testing.T) {
	t.Parallel()
	d := newDesk()
	code := d.setupCode(t)
	for range 3 {
		for i := range 5 {
			if _, err := d.Setup(t.Context(), setupWith("WRNG-WRNG")); !errors.Is(err, auth.ErrSetupCode) {
				t.Fatalf("try %d: got %v, want ErrSetupCode", i+1, err)
			}
		}
		_, err := d.Setup(t.Context(), setupWith(code))
		if e := problem.As(err); e == nil || e.Kind != problem.TooMany || e.RetryAfter != time.Minute {
			t.Fatalf("the right code after five wrong ones: got %v, want a minute's wait", err)
		}
		d.clock.add(59 * time.Second)
		if _, err := d.Setup(t.Context(), setupWith(code)); problem.KindOf(err) != problem.TooMany {
			t.Fatalf("after 59 s: got %v", err)
		}
		d.clock.add(time.Second)
	}
	if _, err := d.Setup(t.Context(), setupWith(code)); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestSetupCodeExpires(t *testing.T) {
	t.Parallel()
	for ttl, life := range map[time.Duration]time.Duration{0: time.Hour, 5 * time.Minute: 5 * time.Minute} {
		d := newDesk(func(deps *auth.Deps) { deps.SetupCodeTTL = ttl })
		code := d.setupCode(t)
		d.clock.add(life)
		_, err := d.Setup(t.Context(), setupWith(code))
		if got := faults(t, err); got["code"] != "error.setup_code_expired" {
			t.Errorf("after %v: got %v", life, got)
		}
		code = d.setupCode(t)
		d.clock.add(life - time.Second)
		if _, err := d.Setup(t.Context(), setupWith(code)); err != nil {
			t.Errorf("just before the end: %v", err)
		}
	}
}

func TestHundredSetupsMakeOneOwner(t *testing.T) {
	t.Parallel()
	d := newCostlyDesk()
	code := d.setupCode(t)
	var made, done, other atomic.Int32
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			switch _, err := d.Setup(t.Context(), setupWith(code)); {
			case err == nil:
				made.Add(1)
			case errors.Is(err, auth.ErrSetupDone):
				done.Add(1)
			default:
				other.Add(1)
			}
		})
	}
	wg.Wait()
	if n, _ := d.vault.CountUsers(t.Context()); n != 1 || made.Load() != 1 || done.Load() != 99 || other.Load() != 0 {
		t.Errorf("%d users; %d made, %d done, %d other; want 1, 1, 99, 0", n, made.Load(), done.Load(), other.Load())
	}
}

func TestEnsureOwner(t *testing.T) {
	t.Parallel()
	d := newDesk()
	if err := d.EnsureOwner(t.Context(), "no address", password); faults(t, err)["email"] != "error.email" {
		t.Errorf("got %v", err)
	}
	if err := d.EnsureOwner(t.Context(), "Ana@example.com", password); err != nil {
		t.Fatal(err)
	}
	before := d.owner(t)
	if err := d.EnsureOwner(t.Context(), "eve@example.com", "another long password"); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if err := d.EnsureOwner(t.Context(), "", ""); err != nil {
		t.Errorf("a second time, without values: %v", err)
	}
	if after := d.owner(t); after != before || after.Role != auth.RoleOwner {
		t.Errorf("got %+v, want the first owner as it was", after)
	}
}

func TestFailingStoreMakesNobody(t *testing.T) {
	t.Parallel()
	d := newDesk()
	code := d.setupCode(t)
	d.vault.fail["CreateFirstUser"] = errors.New("disk is full")
	if _, err := d.Setup(t.Context(), setupWith(code)); problem.KindOf(err) != problem.Internal {
		t.Errorf("got %v, want an internal error", err)
	}
	delete(d.vault.fail, "CreateFirstUser")
	if _, err := d.Setup(t.Context(), setupWith(code)); err != nil {
		t.Errorf("the code was used up by a failure: %v", err)
	}
	d.vault.fail["CountUsers"] = errors.New("disk is gone")
	if _, err := d.NeedsSetup(t.Context()); err == nil {
		t.Error("no error")
	}
}

func TestCodeLettersAreEquallyLikely(t *testing.T) {
	t.Parallel()
	counts := make(map[rune]int)
	d := newDesk()
	for range 4000 {
		for _, r := range strings.Replace(d.setupCode(t), "-", "", 1) {
			counts[r]++
		}
	}
	want := 4000 * 8 / len(counts)
	for r, n := range counts {
		if n < want*7/10 || n > want*13/10 {
			t.Errorf("%c: %d times, want about %d", r, n, want)
		}
	}
}

func TestNoRandomnessNoSecrets(t *testing.T) {
	t.Parallel()
	d := newDesk(func(deps *auth.Deps) { deps.Rand = bytes.NewReader([]byte("few")) })
	if _, _, err := d.SetupCode(t.Context()); err == nil {
		t.Error("a code was made without randomness")
	}
	if _, _, err := d.OpenSession(t.Context(), "u1", auth.SessionParams{}); err == nil {
		t.Error("a session was opened without randomness")
	}
	if _, _, err := d.CreateInSPRLKey(t.Context(), "i1", "a"); err == nil {
		t.Error("a key was made without randomness")
	}
	if err := d.EnsureOwner(t.Context(), email, password); err == nil {
		t.Error("an owner was made without randomness")
	}
}
