package wasim_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/wasim"
)

func typeName(v any) string { return fmt.Sprintf("%T", v) }

func TestHandshakeOffersCodes(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{Refs: 4})
	c := connect(t, s, nil)
	qr := wait[*events.QR](c, 1, nil)
	if got, want := len(qr.Codes), 4; got != want {
		t.Errorf("codes = %d, want %d", got, want)
	}
	if !strings.HasPrefix(qr.Codes[0], "https://wa.me/settings/linked_devices#2@") {
		t.Errorf("code = %q", qr.Codes[0])
	}
	if got := s.Connections(); got != 1 {
		t.Errorf("connections = %d, want 1", got)
	}
}

func TestBadCertificateIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	s.SetFaults(wasim.Faults{BadCertificate: true})
	c := newClient(t, s, nil)
	err := c.Connect()
	if err == nil || !strings.Contains(err.Error(), "cert") {
		t.Errorf("Connect = %v, want a certificate error", err)
	}
	s.SetFaults(wasim.Faults{})
	if err := c.Connect(); err != nil {
		t.Errorf("Connect after the fault: %v", err)
	}
}

func TestPairByQR(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("+55 11 90000-0001", "Ana")
	c, jid := pair(t, s, ana)
	if got, want := jid.User, "5511900000001"; got != want {
		t.Errorf("user = %q, want %q", got, want)
	}
	ok := wait[*events.PairSuccess](c, 1, nil)
	if ok.ID != jid || ok.LID.User != ana.LID().User || ok.LID.Device != jid.Device {
		t.Errorf("PairSuccess = %v %v, want %v %v", ok.ID, ok.LID, jid, ana.LID())
	}
	if got, want := s.Connections(), 2; got != want {
		t.Errorf("connections = %d, want %d (before and after 515)", got, want)
	}
	info, found := s.Device(jid)
	if !found || info.PreKeys < 800 || info.Logins != 1 || !info.Online {
		t.Errorf("device = %+v, %v", info, found)
	}
	if got := ana.Devices(); len(got) != 1 || got[0] != jid {
		t.Errorf("devices = %v, want [%v]", got, jid)
	}
	push := wait[*events.AppStateSyncComplete](c, 5, nil)
	if push == nil || c.dev.PushName != "Ana" {
		t.Errorf("push name = %q, want Ana", c.dev.PushName)
	}
}

func TestScanRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c := connect(t, s, nil)
	code := wait[*events.QR](c, 1, nil).Codes
	link, body, _ := strings.Cut(code[1], "#")
	fields := strings.Split(body, ",")
	unknown := append([]string{"2@nobody"}, fields[1:]...)
	other := append([]string{fields[0], fields[2]}, fields[2:]...)

	for _, tc := range []struct {
		name, text string
		want       error
	}{
		{"no code", "hello", wasim.ErrBadCode},
		{"bad key", link + "#a,b,c,d,e", wasim.ErrBadCode},
		{"unknown", link + "#" + strings.Join(unknown, ","), wasim.ErrUnknownCode},
		{"other client's keys", link + "#" + strings.Join(other, ","), wasim.ErrWrongKeys},
	} {
		if _, err := ana.Scan(ctxFor(t), tc.text); !errors.Is(err, tc.want) {
			t.Errorf("%s: Scan = %v, want %v", tc.name, err, tc.want)
		}
	}

	jid, err := ana.Scan(ctxFor(t), code[0])
	if err != nil {
		t.Fatalf("Scan: %v", err)
	}
	if _, err := ana.Scan(ctxFor(t), code[0]); !errors.Is(err, wasim.ErrSpentCode) {
		t.Errorf("second Scan = %v, want %v", err, wasim.ErrSpentCode)
	}
	wait[*events.Connected](c, 1, nil)
	if err := s.WaitOnline(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	if _, err := ana.Scan(ctxFor(t), code[1]); !errors.Is(err, wasim.ErrExpiredCode) {
		t.Errorf("Scan of a code of an ended connection = %v, want %v", err, wasim.ErrExpiredCode)
	}
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
}

// The phone proves with an HMAC that it has seen the secret in the picture.
func TestBadHMACIsRefusedByTheClient(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c := connect(t, s, nil)
	code := wait[*events.QR](c, 1, nil).Codes[0]
	fields := strings.Split(code, ",")
	fields[3] = strings.Repeat("A", 43) + "=" // another secret
	_, err := ana.Scan(ctxFor(t), strings.Join(fields, ","))
	if !errors.Is(err, wasim.ErrRejected) || !strings.Contains(err.Error(), "hmac-mismatch") {
		t.Errorf("Scan = %v, want %v with hmac-mismatch", err, wasim.ErrRejected)
	}
	wait[*events.PairError](c, 1, nil)
	if got := ana.Devices(); len(got) != 0 {
		t.Errorf("devices = %v, want none", got)
	}
}

// A phone that retires the secret of the code it has seen links with another.
func TestDemandRefresh(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	ana.DemandRefresh(true)
	c := connect(t, s, nil)
	code := wait[*events.QR](c, 1, nil).Codes[0]
	for range 2 {
		if _, err := ana.Scan(ctxFor(t), code); !errors.Is(err, wasim.ErrRefreshDemanded) {
			t.Fatalf("Scan = %v, want %v", err, wasim.ErrRefreshDemanded)
		}
	}
	fields := strings.Split(code, ",")
	secret := make([]byte, 32)
	secret[0] = 1
	c.dev.AdvSecretKey = secret
	fields[3] = base64.StdEncoding.EncodeToString(secret)
	if _, err := ana.Scan(ctxFor(t), strings.Join(fields, ",")); err != nil {
		t.Fatalf("Scan of the new code: %v", err)
	}
	wait[*events.Connected](c, 1, nil)
}

func TestScanAfterTheClientHasGone(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c := connect(t, s, nil)
	code := wait[*events.QR](c, 1, nil).Codes
	s.DropAll()
	if _, err := ana.Scan(ctxFor(t), code[0]); !errors.Is(err, wasim.ErrExpiredCode) {
		t.Errorf("Scan = %v, want %v", err, wasim.ErrExpiredCode)
	}
}

// A restart with the same root looks the same to a client.
func TestRootFixesTheKeys(t *testing.T) {
	t.Parallel()
	one, two := start(t, wasim.Config{}), start(t, wasim.Config{})
	if !bytes.Equal(one.CAPEM(), two.CAPEM()) || one.RootKey() != two.RootKey() {
		t.Error("two servers with one root differ")
	}
	if wasim.NewRoot().Key() == root.Key() {
		t.Error("two roots are equal")
	}
	dev := newDevice()
	c := newClient(t, two, dev)
	c.SetPreLoginHTTPClient(one.HTTPClient())
	if err := c.Connect(); err != nil {
		t.Errorf("Connect: %v", err)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{History: true})
	ana := s.NewPhone("5511900000001", "Ana")
	s.NewPhone("5511900000002", "Bob")
	c, _ := pair(t, s, ana)
	wait(c, 1, func(h *events.HistorySync) bool { return len(h.Data.GetPushnames()) == 2 })
}

// A program builds its own transport from the address and the authority: it
// dials loopback whatever the request says, and checks the certificate for the
// host of the URL or for the name the engine asked for.
func TestOwnTransport(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	base, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CAPEM()) {
		t.Fatal("CAPEM holds no certificate")
	}
	for _, name := range []string{base.Hostname(), "localhost", "web.whatsapp.com", "mmg.whatsapp.net"} {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.DialTLSContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			d := tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12}}
			return d.DialContext(ctx, network, base.Host)
		}
		c := newClient(t, s, nil)
		c.SetPreLoginHTTPClient(&http.Client{Transport: transport})
		if err := c.Connect(); err != nil {
			t.Errorf("%s: Connect: %v", name, err)
			continue
		}
		wait[*events.QR](c, 1, nil)
	}
}
