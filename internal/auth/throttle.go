package auth

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"time"

	"pombal/internal/problem"
)

// Failed logins are free up to throttleFree; each further one doubles the
// wait, from a second to a quarter of an hour: at most about 20 guesses in the
// first hour and 4 in each later one. Nobody is locked out for good.
const (
	throttleFree   = 5
	throttleFirst  = time.Second
	throttleMax    = 15 * time.Minute
	throttleForget = 24 * time.Hour
	// knownFor is how long an address counts as one where the account's owner
	// has signed in.
	knownFor = 30 * 24 * time.Hour
)

// throttleKeys gives the memories that count for an attempt. Where the account
// was signed in before from this address, the pair has a memory of its own and
// nothing else counts: whoever guesses from elsewhere cannot keep the owner
// out.
func (s *Service) throttleKeys(ctx context.Context, email, address string) (keys []string, known bool, err error) {
	network := networkOf(address)
	pair := pairKey(email, network)
	t, err := s.store.Throttle(ctx, pair)
	if err != nil {
		return nil, false, fmt.Errorf("look up throttle: %w", err)
	}
	if age := s.wall().Sub(t.LastAt); !t.LastAt.IsZero() && age < knownFor {
		return []string{pair}, true, nil
	}
	keys = []string{"account-" + shortHash(email)}
	if network != "" {
		keys = append(keys, "address-"+shortHash(network))
	}
	return keys, false, nil
}

// checkThrottle says whether an attempt is looked at now; problem.TooMany when
// not.
func (s *Service) checkThrottle(ctx context.Context, keys []string) error {
	for _, key := range keys {
		t, err := s.store.Throttle(ctx, key)
		if err != nil {
			return fmt.Errorf("look up throttle: %w", err)
		}
		// A wait longer than there is means that the clock was set back.
		if wait := t.Until.Sub(s.wall()); wait > 0 && wait <= throttleMax {
			return tooMany("error.login_wait", wait)
		}
	}
	return nil
}

// countAttempt checks and counts an attempt as failed before the password is
// looked at, in one step: otherwise a hundred at the same time would all be
// the first. known keeps LastAt, which says of a pair when it last succeeded.
func (s *Service) countAttempt(ctx context.Context, keys []string, known bool) error {
	s.throttles.Lock()
	defer s.throttles.Unlock()
	if err := s.checkThrottle(ctx, keys); err != nil {
		return err
	}
	now := s.wall()
	for _, key := range keys {
		t, err := s.store.Throttle(ctx, key)
		if err != nil {
			return fmt.Errorf("look up throttle: %w", err)
		}
		if !known && now.Sub(t.LastAt) > throttleForget {
			t = Throttle{}
		}
		t.Failures++
		t.Until = now.Add(throttleDelay(t.Failures))
		if !known {
			t.LastAt = now
		}
		if err := s.store.PutThrottle(ctx, key, t); err != nil {
			return fmt.Errorf("count login attempt: %w", err)
		}
	}
	return nil
}

// throttleDelay is the wait after so many failures in a row.
func throttleDelay(failures int) time.Duration {
	over := failures - throttleFree
	if over < 0 {
		return 0
	}
	wait := float64(throttleFirst) * math.Pow(2, float64(over))
	return time.Duration(min(wait, float64(throttleMax)))
}

// clearThrottle forgets the failures after a success and remembers the pair of
// account and address.
func (s *Service) clearThrottle(ctx context.Context, email, address string, keys []string, known bool) error {
	s.throttles.Lock()
	defer s.throttles.Unlock()
	if !known {
		for _, key := range keys {
			if err := s.store.DeleteThrottle(ctx, key); err != nil {
				return fmt.Errorf("forget login attempts: %w", err)
			}
		}
	}
	network := networkOf(address)
	if network == "" {
		return nil
	}
	if err := s.store.PutThrottle(ctx, pairKey(email, network), Throttle{LastAt: s.wall()}); err != nil {
		return fmt.Errorf("remember address: %w", err)
	}
	return nil
}

// networkOf gives what counts as one address: an IPv4 address, or the /64 of
// an IPv6 one, since a single line has all of it.
func networkOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return clip(address, 64)
	}
	a = a.WithZone("").Unmap()
	if a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

func pairKey(email, network string) string { return "known-" + shortHash(email+" "+network) }

// shortHash keeps what people typed out of the keys of the file.
func shortHash(text string) string { return hashText(text)[:32] }

func tooMany(key string, wait time.Duration) error {
	seconds := int(math.Ceil(wait.Seconds()))
	e := problem.New(problem.TooMany, key, "seconds", seconds)
	e.RetryAfter = time.Duration(seconds) * time.Second
	return e
}
