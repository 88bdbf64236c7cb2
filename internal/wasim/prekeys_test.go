package wasim_test

import (
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/wasim"
)

// Each new session takes a one-time key; when few are left the client is told
// and uploads more.
func TestPreKeysAreRefilled(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	_, jid := pair(t, s, ana)
	greedy, _ := pair(t, s, bob)
	ctx := ctxFor(t)
	info, _ := s.Device(jid)
	asked := make([]types.JID, info.PreKeys)
	for i := range asked {
		asked[i] = info.LID
	}
	//lint:ignore SA1019 the only way to ask for many bundles at once
	if _, err := greedy.DangerousInternals().FetchPreKeys(ctx, asked); err != nil {
		t.Fatal(err)
	}
	for {
		changed := s.Changed()
		if info, _ := s.Device(jid); info.PreKeys >= whatsmeow.WantedPreKeyCount {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal("no new keys came")
		}
	}
}
