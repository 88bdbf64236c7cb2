package wasim_test

import (
	"fmt"
	"sync"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/wasim"
)

// Enough clients to meet each other in every lock.
func TestManyClients(t *testing.T) {
	t.Parallel()
	const n = 20
	s := start(t, wasim.Config{})
	bob := s.NewPhone("5511900000099", "Bob")
	phones := make([]*wasim.Phone, n)
	clients := make([]*client, n)
	for i := range n {
		phones[i] = s.NewPhone(fmt.Sprintf("55119000001%02d", i), fmt.Sprint("Phone ", i))
	}
	var wg sync.WaitGroup
	for i := range n {
		clients[i] = connect(t, s, nil)
		wg.Go(func() {
			qr := wait[*events.QR](clients[i], 1, nil)
			if _, err := phones[i].Scan(ctxFor(t), qr.Codes[0]); err != nil {
				t.Errorf("Scan %d: %v", i, err)
			}
			wait[*events.Connected](clients[i], 1, nil)
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for i := range n {
		wg.Go(func() {
			for k := range 10 {
				if _, err := bob.SendText(ctxFor(t), phones[i], fmt.Sprint("text ", k)); err != nil {
					t.Errorf("SendText: %v", err)
				}
			}
			text := fmt.Sprint("from ", i)
			if _, err := clients[i].SendMessage(ctxFor(t), bob.JID(), &waE2E.Message{Conversation: &text}); err != nil {
				t.Errorf("SendMessage: %v", err)
			}
			for k := range 10 {
				clients[i].text(fmt.Sprint("text ", k))
			}
		})
	}
	wg.Wait()
	if in, err := bob.WaitInbox(ctxFor(t), n); err != nil {
		t.Errorf("bob's inbox has %d, want %d: %v", len(in), n, err)
	}
	for i, c := range clients {
		if got := count[*events.Message](c) - peerMessages(c); got != 10 {
			t.Errorf("client %d got %d texts, want 10", i, got)
		}
		// Not an error: whatsmeow reads, changes and writes a session without a
		// lock, so a message that is sent and one that arrives in the same moment
		// can lose each other's session. The retry has healed it by now.
		if got := count[*events.UndecryptableMessage](c); got != 0 {
			t.Logf("client %d asked again for %d messages", i, got)
		}
	}
}

// peerMessages counts the messages from the own phone (keys).
func peerMessages(c *client) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, e := range c.seen {
		if m, ok := e.(*events.Message); ok && m.Info.IsFromMe {
			n++
		}
	}
	return n
}
