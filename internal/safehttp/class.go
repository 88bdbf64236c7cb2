package safehttp

import (
	"fmt"
	"net/netip"
)

// Class says why an address is refused.
type Class string

// The classes. ClassPublic is the only one that is never refused, ClassPrivate
// is refused in public mode alone.
const (
	ClassPublic      Class = "public"
	ClassPrivate     Class = "private"     // RFC 1918, fc00::/7 and 100.64.0.0/10
	ClassLoopback    Class = "loopback"    // this machine
	ClassLinkLocal   Class = "link-local"  // with the metadata services of cloud providers
	ClassMulticast   Class = "multicast"   // many receivers at once
	ClassUnspecified Class = "unspecified" // 0.0.0.0 and ::, which reach this machine
	ClassReserved    Class = "reserved"    // documentation, benchmarks, broadcast, not in use
	ClassOwn         Class = "own"         // where this program itself listens
)

// Classes returns the classes that can be refused, so that catalogues can be
// checked for completeness.
func Classes() []Class {
	return []Class{
		ClassPrivate, ClassLoopback, ClassLinkLocal, ClassMulticast, ClassUnspecified, ClassReserved, ClassOwn,
	}
}

// Refused is the error of a call to an address that the policy forbids.
type Refused struct {
	Class Class
	Addr  netip.Addr
}

// Error names the class and the address.
func (r *Refused) Error() string {
	return fmt.Sprintf("address %s refused: %s", r.Addr, r.Class)
}

type block struct {
	prefix netip.Prefix
	class  Class
}

// blocks lists the address blocks that are not public, after the special
// purpose registries of IANA. The first match counts. Three metadata services
// that live outside 169.254/16 come first: Amazon's over IPv6, Alibaba's and
// Azure's.
func blocks() []block {
	p := netip.MustParsePrefix
	return []block{
		{p("fd00:ec2::254/128"), ClassLinkLocal},
		{p("100.100.100.200/32"), ClassLinkLocal},
		{p("168.63.129.16/32"), ClassLinkLocal},
		{p("0.0.0.0/32"), ClassUnspecified},
		{p("0.0.0.0/8"), ClassReserved},
		{p("10.0.0.0/8"), ClassPrivate},
		{p("100.64.0.0/10"), ClassPrivate},
		{p("127.0.0.0/8"), ClassLoopback},
		{p("169.254.0.0/16"), ClassLinkLocal},
		{p("172.16.0.0/12"), ClassPrivate},
		{p("192.0.0.0/24"), ClassReserved},
		{p("192.0.2.0/24"), ClassReserved},
		{p("192.88.99.0/24"), ClassReserved},
		{p("192.168.0.0/16"), ClassPrivate},
		{p("198.18.0.0/15"), ClassReserved},
		{p("198.51.100.0/24"), ClassReserved},
		{p("203.0.113.0/24"), ClassReserved},
		{p("224.0.0.0/4"), ClassMulticast},
		{p("240.0.0.0/4"), ClassReserved},
		{p("0.0.0.0/0"), ClassPublic},
		{p("::/128"), ClassUnspecified},
		{p("::1/128"), ClassLoopback},
		{p("fe80::/10"), ClassLinkLocal},
		{p("fc00::/7"), ClassPrivate},
		{p("ff00::/8"), ClassMulticast},
		{p("2001::/23"), ClassReserved}, // Teredo, benchmarks, ORCHID
		{p("2001:db8::/32"), ClassReserved},
		{p("3fff::/20"), ClassReserved},
		{p("2000::/3"), ClassPublic},
		{p("::/0"), ClassReserved}, // nothing outside 2000::/3 is given out
	}
}

// table answers the class of an address. It is made once per client.
type table []block

func newTable() table { return blocks() }

// class judges an address by what it stands for: an IPv4 address inside an
// IPv6 one by the inner address.
func (t table) class(a netip.Addr) Class {
	a = inner(a)
	for _, b := range t {
		if b.prefix.Contains(a) {
			return b.class
		}
	}
	return ClassReserved
}

// inner gives the IPv4 address inside an IPv4-mapped address, an address of
// the well-known NAT64 prefix (64:ff9b::/96, RFC 6052) or a 6to4 address
// (2002::/16, RFC 3056), and any other address as it is, without its zone.
func inner(a netip.Addr) netip.Addr {
	a = a.WithZone("").Unmap()
	if a.Is4() {
		return a
	}
	b := a.As16()
	switch {
	case b[0] == 0x00 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b && allZero(b[4:12]):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6]))
	default:
		return a
	}
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
