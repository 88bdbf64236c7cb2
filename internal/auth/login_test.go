package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	token, s, err := d.Login(t.Context(), auth.LoginParams{
		Email: "  ANA@example.com", Password: password,
		Session: auth.SessionParams{Address: "192.0.2.7", UserAgent: strings.Repeat("ñ", 300), Keep: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.UserID != d.owner(t).ID || s.Address != "192.0.2.7" || !s.Keep || len(s.UserAgent) > 256 || len(s.CSRFKey) != 32 || !s.ProvedAt.Equal(d.clock.now()) {
		t.Errorf("got %+v", s)
	}
	if _, u, err := d.Resume(t.Context(), token, false); err != nil || u.Email != email {
		t.Errorf("resume: %+v, %v", u, err)
	}
	for _, wrong := range []string{"", "seven green bicycle", password + " ", strings.ToUpper(password), strings.Repeat("x", 100_000)} {
		if _, _, err := d.login(t, wrong, "192.0.2.7"); !errors.Is(err, auth.ErrCredentials) {
			t.Errorf("%.30q: got %v, want ErrCredentials", wrong, err)
		}
		d.login(t, password, "192.0.2.7")
	}
}

// failures makes n wrong logins from an address, waiting as long as asked.
func (d desk) failures(t *testing.T, n int, address string) (waited time.Duration) {
	t.Helper()
	for range n {
		for {
			_, _, err := d.login(t, "wrong password!", address)
			e := problem.As(err)
			if e != nil && e.Kind == problem.TooMany {
				d.clock.add(e.RetryAfter)
				waited += e.RetryAfter
				continue
			}
			if !errors.Is(err, auth.ErrCredentials) {
				t.Fatalf("got %v", err)
			}
			break
		}
	}
	return waited
}

func TestThrottleDoublesAfterFive(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	if waited := d.failures(t, 5, "192.0.2.1"); waited != 0 {
		t.Errorf("five failures waited %v, want none", waited)
	}
	for _, want := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900} {
		_, _, err := d.login(t, password, "192.0.2.1") // not looked at, right or wrong
		e := problem.As(err)
		if e == nil || e.Kind != problem.TooMany || e.RetryAfter != time.Duration(want)*time.Second {
			t.Fatalf("got %v, want a wait of %d s", err, want)
		}
		if e.Text.Key != "error.login_wait" || len(e.Text.Args) != 2 || e.Text.Args[1] != want {
			t.Errorf("text: got %+v", e.Text)
		}
		d.clock.add(e.RetryAfter - time.Millisecond)
		if _, _, err := d.login(t, password, "192.0.2.1"); problem.KindOf(err) != problem.TooMany {
			t.Fatalf("a millisecond before: got %v", err)
		}
		d.clock.add(time.Millisecond)
		if waited := d.failures(t, 1, "192.0.2.1"); waited != 0 {
			t.Fatalf("waited %v", waited)
		}
	}
	if _, _, err := d.restart().login(t, password, "192.0.2.1"); problem.KindOf(err) != problem.TooMany {
		t.Errorf("after a restart: got %v, want the wait to go on", err)
	}
	d.clock.add(15 * time.Minute)
	if _, _, err := d.login(t, password, "192.0.2.1"); err != nil {
		t.Errorf("the owner after the wait: %v", err)
	}
	if waited := d.failures(t, 5, "192.0.2.1"); waited != 0 {
		t.Errorf("five failures after a success waited %v, want none", waited)
	}
}

func TestGuessesPerHour(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(i int) string{
		"one address":    func(int) string { return "198.51.100.1" },
		"1000 addresses": func(i int) string { return fmt.Sprintf("198.51.%d.%d", i/250, i%250) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk().withOwner(t)
			guesses := 0
			for i := range 3600 { // one try a second for an hour
				if _, _, err := d.login(t, "wrong password!", address(i%1000)); errors.Is(err, auth.ErrCredentials) {
					guesses++
				}
				d.clock.add(time.Second)
			}
			if guesses < 5 || guesses > 100 {
				t.Errorf("%d guesses in an hour, want at most 100", guesses)
			}
		})
	}
}

func TestGuessesInParallelCountOneByOne(t *testing.T) {
	t.Parallel()
	d := newCostlyDesk().withOwner(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	looked := 0
	for i := range 60 {
		wg.Go(func() {
			_, _, err := d.login(t, "wrong password!", fmt.Sprintf("198.51.100.%d", i))
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, auth.ErrCredentials) {
				looked++
			}
		})
	}
	wg.Wait()
	if looked > 5 {
		t.Errorf("%d of 60 guesses at the same time were looked at, want at most 5", looked)
	}
}

func TestOneAddressManyAccounts(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	looked := 0
	for i := range 50 {
		// All are one line: the /64 of an IPv6 address.
		_, _, err := d.Login(t.Context(), auth.LoginParams{
			Email: fmt.Sprintf("u%d@example.com", i), Password: "wrong password!",
			Session: auth.SessionParams{Address: fmt.Sprintf("2001:db8:1:2::%x", i)},
		})
		if errors.Is(err, auth.ErrCredentials) {
			looked++
		}
	}
	if looked != 5 {
		t.Errorf("%d of 50 accounts were tried from one line at once, want 5", looked)
	}
	if _, _, err := d.login(t, password, "2001:db8:1:3::1"); err != nil {
		t.Errorf("the neighbour: %v", err)
	}
}

func TestOwnerIsNotLockedOutFromAKnownAddress(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	if _, _, err := d.login(t, password, "192.0.2.7"); err != nil {
		t.Fatal(err)
	}
	d.failures(t, 12, "198.51.100.1")
	if _, _, err := d.login(t, password, "203.0.113.5"); problem.KindOf(err) != problem.TooMany {
		t.Errorf("from an unknown address: got %v, want a wait", err)
	}
	if _, _, err := d.restart().login(t, password, "192.0.2.7"); err != nil {
		t.Errorf("from the known address: %v", err)
	}
	if _, _, err := d.login(t, "wrong password!", "198.51.100.1"); problem.KindOf(err) != problem.TooMany {
		t.Errorf("the guesser, after the owner signed in: got %v, want a wait", err)
	}
	if waited := d.failures(t, 12, "192.0.2.7"); waited < time.Minute {
		t.Errorf("12 failures from the known address waited %v, want the same waits", waited)
	}
	d.clock.add(31 * 24 * time.Hour)
	d.failures(t, 6, "198.51.100.1")
	if _, _, err := d.login(t, password, "192.0.2.7"); problem.KindOf(err) != problem.TooMany {
		t.Errorf("after a month away: got %v, want the address to be forgotten", err)
	}
}

func TestFailuresAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	d.failures(t, 5, "198.51.100.1")
	d.clock.add(24*time.Hour + time.Second)
	if waited := d.failures(t, 5, "198.51.100.1"); waited != 0 {
		t.Errorf("waited %v, want none", waited)
	}
}

func TestWaitOfAWrongClockIsIgnored(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	d.failures(t, 6, "198.51.100.1")
	d.clock.add(-365 * 24 * time.Hour)
	if _, _, err := d.login(t, password, "198.51.100.1"); err != nil {
		t.Errorf("after the clock was set back by a year: %v", err)
	}
}

func TestNothingTypedLiesInTheFile(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	d.Login(t.Context(), auth.LoginParams{Email: "typed-here@example.com", Password: "typed-there", Session: auth.SessionParams{Address: "192.0.2.77"}})
	dump := string(d.vault.dump(t))
	for _, typed := range []string{"typed-here", "typed-there", "192.0.2.77"} {
		if strings.Contains(dump, typed) {
			t.Errorf("%q lies in the file", typed)
		}
	}
}
