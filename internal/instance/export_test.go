package instance

import (
	"context"
	"time"
)

// Settle waits until an instance has nothing more to do before the clock moves
// or the network speaks. A login under way belongs to that, for as long as
// patience lasts: some are never answered.
func (m *Manager) Settle(id string, patience time.Duration) {
	r, err := m.runner(id)
	if err != nil {
		return
	}
	deadline := time.Now().Add(patience)
	for quiet := 0; quiet < 2; {
		var busy, login bool
		if r.do(context.Background(), func() error {
			busy, login = r.busy.Load() > 0, r.timers[timerLogin] != nil
			return nil
		}) != nil {
			return
		}
		if busy || login && time.Now().Before(deadline) {
			quiet = 0
			time.Sleep(50 * time.Microsecond)
			continue
		}
		quiet++
	}
}

// SettleQuickly is Settle without patience: nothing but the test answers logins.
func (m *Manager) SettleQuickly(id string) { m.Settle(id, 0) }

// Abandon takes all timers of an instance away, as a fault nobody knows of
// might.
func (m *Manager) Abandon(id string) {
	r, err := m.runner(id)
	if err != nil {
		return
	}
	_ = r.do(context.Background(), func() error {
		for name := range r.timers {
			r.clear(name)
		}
		r.queued = false
		return nil
	})
}

// CheckAnswer, CleanPhone and OtherForm are what they are called inside.
func CheckAnswer(request, answer []byte) ([]byte, error) { return checkAnswer(request, answer) }
func CleanPhone(text string) (string, error)             { return cleanPhone(text) }
func OtherForm(phone string) string                      { return otherForm(phone) }

// Queued counts what waits in the mailbox of an instance.
func (m *Manager) Queued(id string) int {
	r, err := m.runner(id)
	if err != nil {
		return 0
	}
	r.box.mu.Lock()
	defer r.box.mu.Unlock()
	return len(r.box.queue)
}

// Sending says whether a message of an instance is under way.
func (m *Manager) Sending(id string) bool {
	r, err := m.runner(id)
	return err == nil && len(r.sends.turn) > 0
}
