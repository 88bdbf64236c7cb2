package wasim_test

import (
	"errors"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/wasim"
)

// showCode makes a new client show a linking code for a phone.
func showCode(t *testing.T, s *wasim.Server, p *wasim.Phone) (*client, string) {
	t.Helper()
	c := connect(t, s, nil)
	wait[*events.QR](c, 1, nil)
	code, err := c.PairPhone(ctxFor(t), p.Number(), true, whatsmeow.PairClientChrome, "Chrome (Linux)")
	if err != nil {
		t.Fatalf("PairPhone: %v", err)
	}
	return c, code
}

func TestPairByTypedCode(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	if _, err := ana.EnterCode(ctxFor(t), "ABCD-EFGH"); !errors.Is(err, wasim.ErrNoCodeRequest) {
		t.Errorf("EnterCode without a client = %v, want %v", err, wasim.ErrNoCodeRequest)
	}
	c, code := showCode(t, s, ana)
	if err := ana.WaitCodeRequest(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.EnterCode(ctxFor(t), code); !errors.Is(err, wasim.ErrNoCodeRequest) {
		t.Errorf("EnterCode on another phone = %v, want %v", err, wasim.ErrNoCodeRequest)
	}
	wrong := strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, code)
	if _, err := ana.EnterCode(ctxFor(t), wrong); !errors.Is(err, wasim.ErrWrongCode) {
		t.Errorf("EnterCode(wrong) = %v, want %v", err, wasim.ErrWrongCode)
	}
	if got := count[*events.PairError](c); got != 0 {
		t.Errorf("PairError events = %d, want 0: the client hears nothing of a wrong code", got)
	}
	jid, err := ana.EnterCode(ctxFor(t), strings.ToLower(code))
	if err != nil {
		t.Fatalf("EnterCode: %v", err)
	}
	wait[*events.AppStateSyncComplete](c, 5, nil)
	acked(t, s, bob, ana, "hello")
	c.text("hello")
	if got := ana.Devices(); len(got) != 1 || got[0] != jid {
		t.Errorf("devices = %v, want [%v]", got, jid)
	}
}

// A code lives as long as the connection that has asked for it.
func TestCodeEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	_, code := showCode(t, s, ana)
	s.DropAll()
	if _, err := ana.EnterCode(ctxFor(t), code); !errors.Is(err, wasim.ErrNoCodeRequest) {
		t.Errorf("EnterCode = %v, want %v", err, wasim.ErrNoCodeRequest)
	}
}

func TestCodeRequestRefused(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c := connect(t, s, nil)
	wait[*events.QR](c, 1, nil)
	ask := func(display string) error {
		_, err := c.PairPhone(ctxFor(t), ana.Number(), true, whatsmeow.PairClientChrome, display)
		return err
	}
	for _, display := range []string{"", "Pombal", "Netscape (Linux)", "Chrome Linux"} {
		if err := ask(display); !errors.Is(err, whatsmeow.ErrIQBadRequest) {
			t.Errorf("PairPhone as %q = %v, want %v", display, err, whatsmeow.ErrIQBadRequest)
		}
	}
	s.SetFaults(wasim.Faults{FailCode: 429})
	if err := ask("Chrome (Linux)"); !errors.Is(err, whatsmeow.ErrIQRateOverLimit) {
		t.Errorf("PairPhone = %v, want %v", err, whatsmeow.ErrIQRateOverLimit)
	}
	s.SetFaults(wasim.Faults{})
	if err := ask("Chrome (Linux)"); err != nil {
		t.Errorf("PairPhone: %v", err)
	}
}

func TestControlCode(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c, code := showCode(t, s, ana)
	var out struct{ Device types.JID }
	if status := call(t, s.Control(), "POST", "/phones/5511900000001/code", object{"code": code}, &out); status != 200 || out.Device.Device == 0 {
		t.Fatalf("code = %d %+v", status, out)
	}
	wait[*events.AppStateSyncComplete](c, 5, nil)
}

func TestSpoiledProofs(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	for what, want := range map[wasim.Spoil]error{
		wasim.SpoiledHMAC:      whatsmeow.ErrPairInvalidDeviceIdentityHMAC,
		wasim.SpoiledSignature: whatsmeow.ErrPairInvalidDeviceSignature,
	} {
		call(t, s.Control(), "POST", "/phones/5511900000001/spoil", object{"what": what}, nil)
		c := connect(t, s, nil)
		qr := wait[*events.QR](c, 1, nil)
		if _, err := ana.Scan(ctxFor(t), qr.Codes[0]); !errors.Is(err, wasim.ErrRejected) {
			t.Errorf("%s: Scan = %v, want %v", what, err, wasim.ErrRejected)
		}
		if e := wait[*events.PairError](c, 1, nil); !errors.Is(e.Error, want) {
			t.Errorf("%s: PairError = %v, want %v", what, e.Error, want)
		}
	}
	ana.SpoilProof(wasim.NotSpoiled)
	pair(t, s, ana)
}
