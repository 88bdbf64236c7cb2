package safehttp

import (
	"errors"
	"net/netip"
	"testing"
)

func TestOwnAddressesThatCannotBeListed(t *testing.T) {
	t.Parallel()
	j := newJudge(Policy{Own: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:8080")}})
	j.local = func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("192.168.1.5")}, nil }
	target := netip.MustParseAddr("192.168.1.5")
	if _, ok := errors.AsType[*Refused](j.check("x", "8080", target)); !ok {
		t.Error("an address of this machine at our port was not refused")
	}
	if err := j.check("x", "8080", netip.MustParseAddr("192.168.1.6")); err != nil {
		t.Errorf("a neighbour was refused: %v", err)
	}
	j.local = func() ([]netip.Addr, error) { return nil, errors.New("no list") }
	if err := j.check("x", "8080", netip.MustParseAddr("192.168.1.6")); err == nil {
		t.Error("without a list every address at our port counts as our own")
	}
}
