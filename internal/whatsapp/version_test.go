package whatsapp_test

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"

	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
	"pombal/internal/whatsapp"
)

// shelf keeps an engine's state in memory.
type shelf struct {
	mu    sync.Mutex
	state []byte
}

func (s *shelf) EngineState(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, nil
}

func (s *shelf) SaveEngineState(_ context.Context, state []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
	return nil
}

func versionEngine(t *testing.T, network *wasim.Server, kept whatsapp.VersionStore) *whatsapp.Engine {
	t.Helper()
	u, err := url.Parse(network.URL())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(network.CAPEM())
	engine, err := whatsapp.NewEngine(whatsapp.Config{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Versions: kept,
		Endpoint: &whatsapp.Endpoint{URL: u, CA: pool, RootKey: network.RootKey()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func TestVersionIsReadAndBelieved(t *testing.T) {
	h := instancetest.New(t, instancetest.Options{})
	compiled := int(wmstore.GetWAVersion()[2])
	newer := compiled + 2_000_000
	for _, tc := range []struct {
		name string
		page wasim.FrontPage
		want int
		ok   bool
	}{
		{"good", wasim.FrontPage{Revision: strconv.Itoa(newer)}, newer, true},
		{"the same", wasim.FrontPage{Revision: strconv.Itoa(compiled)}, compiled, true},
		{"lower", wasim.FrontPage{Revision: strconv.Itoa(compiled - 1)}, compiled, false},
		{"absurd", wasim.FrontPage{Revision: "4294967295"}, compiled, false},
		{"longer than a number", wasim.FrontPage{Revision: "99999999999999"}, compiled, false},
		{"none", wasim.FrontPage{NoNumber: true}, compiled, false},
		{"30 MB", wasim.FrontPage{Revision: strconv.Itoa(newer), Size: 30 << 20}, compiled, false},
		{"error", wasim.FrontPage{Revision: strconv.Itoa(newer), Status: 500}, compiled, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h.Network.SetFrontPage(tc.page)
			engine := versionEngine(t, h.Network, &shelf{})
			info, err := engine.CheckVersion(context.Background())
			if (err == nil) != tc.ok || info.Active != "2.3000."+strconv.Itoa(tc.want) || (info.CheckError == "") != tc.ok {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
	t.Run("silence", func(t *testing.T) {
		h.Network.SetFrontPage(wasim.FrontPage{Hang: true})
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if info, err := versionEngine(t, h.Network, &shelf{}).CheckVersion(ctx); err == nil || info.CheckError == "" {
			t.Errorf("%+v, %v", info, err)
		}
	})
}

// A number found before is used after a restart without asking, and offline.
func TestVersionIsRemembered(t *testing.T) {
	h := instancetest.New(t, instancetest.Options{})
	newer := int(wmstore.GetWAVersion()[2]) + 1_000_000
	h.Network.SetFrontPage(wasim.FrontPage{Revision: strconv.Itoa(newer)})
	kept := &shelf{}
	if _, err := versionEngine(t, h.Network, kept).CheckVersion(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := h.Network.Stop(); err != nil {
		t.Fatal(err)
	}
	engine := versionEngine(t, h.Network, kept)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { engine.KeepVersions(ctx); close(done) }()
	for deadline := time.Now().Add(patience); engine.Versions().Active != "2.3000."+strconv.Itoa(newer); {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", engine.Versions())
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
}

// Refused as outdated, an instance waits; the next number brings it back.
func TestOutdatedComesBackWithANewVersion(t *testing.T) {
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	device := h.Pair(in.ID, phone)
	newer := wmstore.GetWAVersion()[2] + 1_000_000
	h.Network.SetFaults(wasim.Faults{MinRevision: newer})
	h.Network.Drop(device)
	got := h.Phase(in.ID, "outdated")
	if !h.Engine.Versions().Refused || got.Status.Detail != h.Engine.Versions().Compiled {
		t.Errorf("%+v, %+v", got.Status, h.Engine.Versions())
	}
	sockets := h.Network.Connections()
	h.Network.SetFrontPage(wasim.FrontPage{Revision: strconv.Itoa(int(newer))})
	if _, err := h.Engine.CheckVersion(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.Phase(in.ID, "connected")
	if n := h.Network.Connections() - sockets; n != 1 {
		t.Errorf("%d connections", n)
	}
	if infos := phone.DeviceInfos(); len(infos) != 1 || infos[0].Version != "2.3000."+strconv.Itoa(int(newer)) {
		t.Errorf("on the wire: %+v", infos)
	}
}
