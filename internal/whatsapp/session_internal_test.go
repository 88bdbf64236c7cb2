package whatsapp

import (
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/instance"
)

// heard keeps the signals it is given; a session asks nothing else of it here.
type heard struct {
	instance.Sink
	signals []instance.Signal
}

func (h *heard) Signal(sig instance.Signal) { h.signals = append(h.signals, sig) }

// The library says "connected" at the end of a login even when its last
// questions failed because the connection had ended: nobody may hear of it.
func TestLoginOfABrokenConnectionIsNotTold(t *testing.T) {
	t.Parallel()
	to := &heard{}
	s := &session{params: instance.OpenParams{Sink: to}, client: whatsmeow.NewClient(&store.Device{}, nil)}
	if s.tell(s.signal(&events.Disconnected{})); len(to.signals) != 1 {
		t.Fatalf("heard %v, want the end of the connection", to.signals)
	}
	if s.tell(instance.SignalConnected{}) || len(to.signals) != 1 {
		t.Errorf("heard %v after the end of the connection", to.signals[1:])
	}
}
