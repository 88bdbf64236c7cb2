package wasim_test

import (
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/wasim"
)

func TestAppState(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	if err := ana.SetName(ctxFor(t), "Ana Maria"); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.PushNameSetting) bool { return e.Action.GetName() == "Ana Maria" })
	if err := ana.ChangeState(ctxFor(t), appstate.BuildMute(bob.JID(), true, time.Hour)); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.Mute) bool { return e.JID == bob.JID() && e.Action.GetMuted() })
	if err := c.SendAppState(ctxFor(t), appstate.BuildPin(bob.JID(), true)); err != nil {
		t.Errorf("SendAppState: %v", err)
	}
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	ctx := ctxFor(t)
	found, err := c.IsOnWhatsApp(ctx, []string{"+5511900000002", "+5511900000009"})
	if err != nil || len(found) != 2 || !found[0].IsIn || found[1].IsIn {
		t.Errorf("IsOnWhatsApp = %+v, %v", found, err)
	}
	info, err := c.GetUserInfo(ctx, []types.JID{bob.JID()})
	if err != nil || info[bob.JID()].LID != bob.LID() {
		t.Errorf("GetUserInfo = %+v, %v", info, err)
	}
	devices, err := c.GetUserDevices(ctx, []types.JID{ana.JID()})
	if err != nil || len(devices) != 2 || devices[1] != jid {
		t.Errorf("GetUserDevices = %v, %v", devices, err)
	}
	if _, err := c.GetProfilePictureInfo(ctx, bob.JID(), nil); err == nil {
		t.Error("GetProfilePictureInfo: want an error, nobody has a picture")
	}
	if groups, err := c.GetJoinedGroups(ctx); err != nil || len(groups) != 0 {
		t.Errorf("GetJoinedGroups = %v, %v", groups, err)
	}
	if _, err := c.GetBlocklist(ctx); err != nil {
		t.Errorf("GetBlocklist: %v", err)
	}
	if _, err := c.TryFetchPrivacySettings(ctx, true); err != nil {
		t.Errorf("TryFetchPrivacySettings: %v", err)
	}
	if err := c.SendPresence(ctx, types.PresenceAvailable); err != nil {
		t.Errorf("SendPresence: %v", err)
	}
	if v, err := whatsmeow.GetLatestVersion(ctx, s.HTTPClient()); err != nil || v[2] == 0 {
		t.Errorf("GetLatestVersion = %v, %v", v, err)
	}
}
