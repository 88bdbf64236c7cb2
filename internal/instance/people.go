package instance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pombal/internal/problem"
)

// Limits of looking numbers up. WhatsApp watches for lists of numbers being
// tried out.
const (
	MaxNumbers   = 50 // in one call
	numbersEvery = 2 * time.Second
	numbersBurst = 100
	askLimit     = 20 * time.Second
)

// Number is what WhatsApp says of a phone number.
type Number struct {
	JID    string // its address, perhaps under another spelling of the number
	LID    string // empty: not known
	Name   string // the verified name of a business
	Exists bool
}

// Numbers asks WhatsApp which phone numbers have an account: 1 to MaxNumbers of
// them, answered in their order. problem.Invalid names "numbers" or
// "numbers.0", the place of the bad one; ErrNotFound, ErrNotConnected,
// problem.TooMany with the time to wait.
func (m *Manager) Numbers(ctx context.Context, id string, numbers []string) ([]Number, error) {
	jids := make([]string, len(numbers))
	var bad []problem.Field
	if len(numbers) == 0 || len(numbers) > MaxNumbers {
		bad = wrong("numbers", "error.numbers_count", "max", MaxNumbers)
	} else {
		for i, number := range numbers {
			jid, ok := cleanRecipient(number)
			if !ok || !strings.HasSuffix(jid, "@"+serverUser) {
				bad = append(bad, wrong(fmt.Sprintf("numbers.%d", i), "error.recipient_invalid")...)
			}
			jids[i] = jid
		}
	}
	if len(bad) > 0 {
		return nil, problem.WithFields(problem.Invalid, bad...)
	}
	r, err := m.runner(id)
	if err != nil {
		return nil, err
	}
	var found []Number
	err = r.withSession(ctx, askLimit, func(ctx context.Context, sess Session) error {
		if err := r.sends.mayLookUp(len(jids), r.deps.Now()); err != nil {
			return err
		}
		found, err = sess.Numbers(ctx, jids)
		return r.askError(err)
	})
	return found, err
}

// mayLookUp refuses to look up numbers faster than numbersEvery after a burst.
func (s *sender) mayLookUp(n int, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := s.lookups
	for range n - 1 {
		over.take(now)
	}
	if pause := over.wait(now); pause > 0 {
		return tooMany(pause)
	}
	over.take(now)
	s.lookups = over
	return nil
}

// Read names messages that were read.
type Read struct {
	Chat   string   // address of the chat
	Author string   // address of who wrote them, in a group
	KeyIDs []string // WhatsApp's ids of them; at least one
}

// MarkRead tells people that their messages were read, as far as the account's
// privacy settings let it. problem.Invalid names "message"; ErrNotFound,
// ErrNotConnected.
func (m *Manager) MarkRead(ctx context.Context, id string, reads []Read) error {
	for _, read := range reads {
		for _, key := range read.KeyIDs {
			if _, bad := (Target{KeyID: key, Author: read.Author}).check(); bad != nil {
				return problem.WithFields(problem.Invalid, bad...)
			}
		}
		if _, ok := cleanRecipient(read.Chat); !ok || len(read.KeyIDs) == 0 {
			return problem.WithFields(problem.Invalid, wrong("message", "error.quoted_invalid")...)
		}
	}
	r, err := m.runner(id)
	if err != nil {
		return err
	}
	return r.withSession(ctx, askLimit, func(ctx context.Context, sess Session) error {
		for _, read := range reads {
			if err := sess.MarkRead(ctx, read); err != nil {
				return r.askError(err)
			}
		}
		return nil
	})
}

// askError makes of a session's error what people can act on.
func (r *runner) askError(err error) error {
	if err == nil || problem.As(err) != nil {
		return err
	}
	r.log.Warn("ask WhatsApp", "error", err)
	return problem.Wrap(err, problem.Unavailable, "error.whatsapp_silent")
}
