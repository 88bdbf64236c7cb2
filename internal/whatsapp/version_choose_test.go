package whatsapp_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	wmstore "go.mau.fi/whatsmeow/store"

	"pombal/internal/instance/instancetest"
	"pombal/internal/problem"
)

// A number chosen by hand is checked, used at once, kept over a restart and
// taken back.
func TestVersionChosenByHand(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	ctx := context.Background()
	compiled := wmstore.GetWAVersion()
	kept := &shelf{}
	engine := versionEngine(t, h.Network, kept)
	for _, bad := range []string{"latest", "2.3000.", "-1", "2.3000.12", "3.1.1045649367", strconv.Itoa(int(compiled[2]) + 2_000_000_000), "<b>"} {
		info, err := engine.ChooseVersion(ctx, bad)
		if p := problem.As(err); p == nil || len(p.Fields) != 1 || p.Fields[0].Name != "version" {
			t.Errorf("%q: %v", bad, err)
		}
		if info.Override != "" || info.Active != compiled.String() {
			t.Errorf("%q changed something: %+v", bad, info)
		}
	}
	newer := compiled
	newer[2] += 12_345
	for _, good := range []string{newer.String(), " " + strconv.Itoa(int(newer[2])) + " "} {
		info, err := engine.ChooseVersion(ctx, good)
		if err != nil || info.Active != newer.String() || info.Override != newer.String() {
			t.Errorf("%q: %v, %+v", good, err, info)
		}
	}
	loaded := versionEngine(t, h.Network, kept)
	stopped, stop := context.WithCancel(ctx)
	stop()
	loaded.KeepVersions(stopped) // loads, and ends before it asks anybody
	if info := loaded.Versions(); info.Active != newer.String() || !strings.HasPrefix(info.Override, "2.3000.") {
		t.Errorf("after a restart: %+v", info)
	}
	if info, err := loaded.ChooseVersion(ctx, ""); err != nil || info.Override != "" || info.Active == newer.String() {
		t.Errorf("taken back: %v, %+v", err, info)
	}
}
