package instance

import (
	"math/rand/v2"
	"time"
)

// Timing are the clocks of an instance's life. Tests shorten them; production
// uses DefaultTiming.
type Timing struct {
	QRFirst       time.Duration // life of a round's first code
	QRNext        time.Duration // life of each later code
	Watched       time.Duration // how long a look at the code counts
	Rounds        int           // rounds of codes at most, one after the other
	Login         time.Duration // limit from the dial to "connected" or the first code
	Sync          time.Duration // limit for missed messages before "connected"
	Logout        time.Duration // limit for WhatsApp's answer to a logout
	BackoffStep   time.Duration // wait grows by this with each failed attempt
	BackoffMax    time.Duration
	Steady        time.Duration // a connection that breaks sooner counts as a failed attempt
	NoAnswers     int           // unanswered keep-alives before the socket is renewed
	StartEvery    time.Duration // pace of connections at start
	StartBurst    int
	RetryStore    time.Duration // pace of attempts when the disk fails
	FrontDoor     time.Duration // wait after HTTP 403 or 429 at the dial
	OutdatedRetry time.Duration
	BanSlack      time.Duration // random extra after a ban's end, once this at most
}

// DefaultTiming are WhatsApp's own QR clock (60 s, then 20 s each; the library,
// WhatsApp Web and other gateways agree) and the paces of a polite client.
func DefaultTiming() Timing {
	return Timing{
		QRFirst: time.Minute, QRNext: 20 * time.Second, Watched: 30 * time.Second, Rounds: 5,
		Login: time.Minute, Sync: 30 * time.Second, Logout: 10 * time.Second,
		BackoffStep: 2 * time.Second, BackoffMax: time.Minute, Steady: 15 * time.Second, NoAnswers: 3,
		StartEvery: 250 * time.Millisecond, StartBurst: 8, RetryStore: time.Second,
		FrontDoor: 15 * time.Minute, OutdatedRetry: 6 * time.Hour, BanSlack: 10 * time.Minute,
	}
}

// backoff is the wait before attempt n+1 when n attempts failed in a row:
// growing, capped, and spread by a quarter either way so that many instances
// do not come back at once.
func (t Timing) backoff(n int) time.Duration {
	wait := min(time.Duration(n)*t.BackoffStep, t.BackoffMax)
	if n == 0 {
		wait = t.BackoffStep / 8
	}
	return spread(wait)
}

// refusedWait is the wait after login refusals nobody can explain.
func refusedWait(n int) time.Duration {
	steps := []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour}
	return spread(steps[min(max(n-1, 0), len(steps)-1)])
}

// spread moves d by up to a quarter either way.
func spread(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d*3/4 + rand.N(d/2+1)
}
