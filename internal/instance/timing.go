package instance

import (
	"math/rand/v2"
	"time"
)

// Timing are the clocks of an instance's life. Tests shorten them; production
// uses DefaultTiming.
type Timing struct {
	QRFirst     time.Duration // life of a round's first code
	QRNext      time.Duration // life of each later code
	Watched     time.Duration // how long a look at the code counts
	Rounds      int           // rounds of codes at most, one after the other
	CodeEvery   time.Duration // one pairing code per instance in this time
	CodeAnswer  time.Duration // limit for WhatsApp's answer to a request for a code, or to a passkey
	Passkey     time.Duration // limit for the whole passkey step
	Login       time.Duration // limit from the dial to "connected" or the first code
	PairedLogin time.Duration // the same right after the phone accepted
	Sync        time.Duration // limit for missed messages before "connected"

	Logout      time.Duration // limit for WhatsApp's answer to a logout
	LogoutRetry time.Duration // pace of attempts to tell WhatsApp of a logout
	LogoutKeep  time.Duration // how long that is tried

	BackoffStep time.Duration // wait grows by this with each failed attempt
	BackoffMax  time.Duration
	Steady      time.Duration // a connection that breaks sooner counts as a failed attempt
	NoAnswers   int           // unanswered keep-alives before the socket is renewed
	FlapWindow  time.Duration // in this time, so many connections …
	FlapFree    int           // … may break before the waits get long
	Push        time.Duration // least time between two attempts that callers ask for

	StartEvery  time.Duration // pace of connections at start
	StartBurst  int
	DialEvery   time.Duration // pace of all connections that nobody waits for
	DialBurst   int
	UrgentEvery time.Duration // pace of those that somebody waits for
	UrgentBurst int

	Watch    time.Duration // pace of the watchdog; what is silent for two rounds is renewed
	Silence  time.Duration // a connection that brings nothing for so long is renewed; 0: never
	Announce time.Duration // webhooks hear of a lost connection when it stays lost for so long

	RetryStore    time.Duration // pace of attempts when the disk fails
	FrontDoor     time.Duration // wait after HTTP 403 or 429 at the dial
	OutdatedRetry time.Duration
	BanSlack      time.Duration // random extra after a ban's end, from a minute to this
	Reachout      time.Duration // length of a time lock whose end was not told
}

// DefaultTiming are WhatsApp's own QR clock (60 s, then 20 s each; the library,
// WhatsApp Web and other gateways agree) and the paces of a polite client: at
// most 20 handshakes a second in all, those for waiting people included.
func DefaultTiming() Timing {
	return Timing{
		QRFirst: time.Minute, QRNext: 20 * time.Second, Watched: 30 * time.Second, Rounds: 5,
		CodeEvery: time.Minute, CodeAnswer: 20 * time.Second, Passkey: 10 * time.Minute,
		Login: time.Minute, PairedLogin: 30 * time.Second, Sync: 30 * time.Second,
		Logout: 10 * time.Second, LogoutRetry: time.Hour, LogoutKeep: 24 * time.Hour,
		BackoffStep: 2 * time.Second, BackoffMax: time.Minute, Steady: 15 * time.Second, NoAnswers: 3,
		FlapWindow: 15 * time.Minute, FlapFree: 5, Push: 10 * time.Second,
		StartEvery: 250 * time.Millisecond, StartBurst: 8,
		DialEvery: time.Second / 12, DialBurst: 4, UrgentEvery: time.Second / 2, UrgentBurst: 2,
		Watch: 30 * time.Second, Silence: 2 * time.Minute, Announce: time.Minute,
		RetryStore: time.Second, FrontDoor: 15 * time.Minute, OutdatedRetry: 6 * time.Hour, BanSlack: 10 * time.Minute,
		Reachout: 24 * time.Hour,
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

// codeLife is how long WhatsApp keeps the connection of a pairing round open,
// and with it a pairing code.
func (t Timing) codeLife(codes int) time.Duration {
	return t.QRFirst + time.Duration(max(codes-1, 0))*t.QRNext
}

// flapWait is the n-th long wait of a connection that keeps breaking.
func flapWait(n int) time.Duration {
	steps := []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute}
	return spread(steps[min(n, len(steps)-1)])
}

// refusedWait is the wait after login refusals nobody can explain. Codes 413
// and 414 are meant for other products and do not go away by asking.
func refusedWait(n, code int) time.Duration {
	steps := []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour}
	if code == codeCATInvalid || code == codeCATExpired {
		n = len(steps)
	}
	return spread(steps[min(max(n-1, 0), len(steps)-1)])
}

// banWait is the wait for the one attempt after a ban: its end and a random
// while, because a client that is back to the second looks like a machine.
func (t Timing) banWait(left time.Duration) time.Duration {
	if left <= 0 { // no end was told
		left = time.Hour
	}
	slack := time.Minute
	if t.BanSlack > time.Minute {
		slack += rand.N(t.BanSlack - time.Minute)
	}
	return left + slack
}

// spread moves d by up to a quarter either way.
func spread(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d*3/4 + rand.N(d/2+1)
}
