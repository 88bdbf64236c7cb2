package whatsapp_test

import (
	"context"
	"testing"

	"go.mau.fi/whatsmeow/types"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

// Frames that end a process with the bare library (wasim's TestMalformed) do
// nothing to ours, linked or not: what comes next is handled on the same
// connection.
func TestGuardedFrames(t *testing.T) {
	t.Parallel()
	for _, kind := range []wasim.Malformation{wasim.EmptyFrame, wasim.TwoZeroBytes, wasim.PairSuccessWithoutID} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, instancetest.Options{}, event.MessagesUpsert)
			code := r.Code(r.in.ID)
			r.must(r.Network.Malformed(types.EmptyJID, kind, 0))
			device, err := r.phone.Scan(context.Background(), code.Code)
			r.must(err)
			r.Phase(r.in.ID, instance.PhaseConnected)
			connections := r.Network.Connections()
			r.must(r.Network.Malformed(device, kind, 0))
			_, err = r.nina.SendText(context.Background(), r.phone, "still there?")
			r.must(err)
			r.Until("the message", func() bool { return len(r.recorded(event.MessagesUpsert)) == 1 })
			if n := r.Network.Connections() - connections; n != 0 {
				t.Errorf("%d new connections", n)
			}
		})
	}
}
