package whatsapp_test

import (
	"context"
	"testing"

	"pombal/internal/instance/instancetest"
	"pombal/internal/problem"
)

// The name that is chosen is what the phone lists the next device by, over a
// restart, until it is taken back; what cannot be a name changes nothing.
func TestDeviceName(t *testing.T) {
	t.Parallel()
	r := newRig(t, instancetest.Options{})
	ctx := context.Background()
	link := func() string {
		t.Helper()
		r.Pair(r.in.ID, r.phone)
		list := r.phone.DeviceInfos()
		name := list[len(list)-1].Platform
		r.Logout(r.in.ID)
		return name
	}
	if got := link(); got != "Pombal" || r.Engine.Versions().DeviceName != got {
		t.Errorf("unasked, the phone lists %q", got)
	}
	for _, bad := range []string{"a/b", "<b>", "x\ny", "😀", string(make([]byte, 65))} {
		if _, err := r.Engine.NameDevice(ctx, bad); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%q was taken: %v", bad, err)
		}
	}
	info, err := r.Engine.NameDevice(ctx, " Loja São João ")
	r.must(err)
	if got := link(); got != "Loja São João" || info.DeviceName != got {
		t.Errorf("the phone lists %q, the page says %q", got, info.DeviceName)
	}
	engine := versionEngine(t, r.Network, r.Store) // a later start
	keep, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { engine.KeepVersions(keep); close(done) }()
	r.eventually("the name after a restart", func() bool { return engine.Versions().DeviceName == "Loja São João" })
	stop()
	<-done
	_, err = r.Engine.NameDevice(ctx, "")
	r.must(err)
	if got := link(); got != "Pombal" {
		t.Errorf("afterwards, the phone lists %q", got)
	}
}
