package safehttp

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Mode says how far into the own network calls may go.
type Mode string

// The modes. The zero Mode is ModeLAN.
const (
	ModeLAN    Mode = "lan"    // public and private addresses
	ModePublic Mode = "public" // public addresses over https
)

// Policy says which addresses may be called.
type Policy struct {
	Mode Mode
	// PlainHTTP lets http pass in public mode: for fetching what is public,
	// where nothing of ours is sent.
	PlainHTTP bool
	// AllowPrefixes opens private addresses in public mode. It opens no other
	// class.
	AllowPrefixes []netip.Prefix
	// AllowHostPorts opens single receivers, "host:port" exactly as in the URL
	// or as connected to: the only way to a receiver on this machine. It opens
	// private and loopback addresses and no other class.
	AllowHostPorts []string
	// Own lists where this program listens; these are never called, allowed or
	// not. An unspecified address stands for every address of this machine.
	Own []netip.AddrPort
	// Inside is the one exception to Own.
	Inside Inside
}

// ParseAllow reads further targets from a comma-separated list of prefixes
// (CIDR) and exact host:port pairs. It refuses entries that could never have
// an effect, so that nobody believes to have opened something.
func ParseAllow(list string) (prefixes []netip.Prefix, hostPorts []string, err error) {
	t := newTable()
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		if strings.Contains(entry, "/") {
			p, err := parsePrefix(t, entry)
			if err != nil {
				return nil, nil, err
			}
			prefixes = append(prefixes, p)
			continue
		}
		hp, err := parseHostPort(t, entry)
		if err != nil {
			return nil, nil, err
		}
		hostPorts = append(hostPorts, hp)
	}
	return prefixes, hostPorts, nil
}

func parsePrefix(t table, entry string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(entry)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no CIDR prefix such as 10.0.0.0/8", entry)
	}
	switch c := t.class(p.Addr()); c {
	case ClassPrivate, ClassPublic:
		return p.Masked(), nil
	case ClassLoopback:
		return netip.Prefix{}, fmt.Errorf("%q: loopback addresses are opened one by one, such as 127.0.0.1:5678", entry)
	default:
		return netip.Prefix{}, fmt.Errorf("%q: %s addresses are never called", entry, c)
	}
}

func parseHostPort(t table, entry string) (string, error) {
	host, port, err := net.SplitHostPort(entry)
	if err != nil || host == "" {
		return "", fmt.Errorf("%q is neither a CIDR prefix nor host:port", entry)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%q: the port must be a number from 1 to 65535", entry)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if c := t.class(a); never(c) {
			return "", fmt.Errorf("%q: %s addresses are never called", entry, c)
		}
	}
	return canonical(host, port), nil
}

// never says of which classes no entry of an allow-list opens anything.
func never(c Class) bool {
	return c != ClassPublic && c != ClassPrivate && c != ClassLoopback
}

// canonical spells host and port so that equal targets are equal strings.
func canonical(host, port string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if a, err := netip.ParseAddr(host); err == nil {
		host = inner(a).String()
	}
	return net.JoinHostPort(host, port)
}

// judge is a Policy made ready for use.
type judge struct {
	table     table
	mode      Mode
	plain     bool
	prefixes  []netip.Prefix
	hostPorts []string
	own       []netip.AddrPort
	local     func() ([]netip.Addr, error) // the addresses of this machine
}

func newJudge(p Policy) *judge {
	j := &judge{table: newTable(), mode: p.Mode, plain: p.PlainHTTP, own: slices.Clone(p.Own), local: interfaceAddrs}
	if j.mode == "" {
		j.mode = ModeLAN
	}
	for _, prefix := range p.AllowPrefixes {
		j.prefixes = append(j.prefixes, prefix.Masked())
	}
	for _, entry := range p.AllowHostPorts {
		if host, port, err := net.SplitHostPort(entry); err == nil {
			j.hostPorts = append(j.hostPorts, canonical(host, port))
		}
	}
	return j
}

// check judges a connection to addr that was asked for as host and port; nil
// when it may be made.
func (j *judge) check(host, port string, addr netip.Addr) error {
	class := j.table.class(addr)
	refused := &Refused{Class: class, Addr: addr}
	if never(class) {
		return refused
	}
	if j.isOwn(port, inner(addr)) {
		return &Refused{Class: ClassOwn, Addr: addr}
	}
	if class == ClassPublic || (class == ClassPrivate && j.mode == ModeLAN) {
		return nil
	}
	if class == ClassPrivate && j.inPrefixes(inner(addr)) {
		return nil
	}
	if j.opened(host, port) || j.opened(addr.String(), port) {
		return nil
	}
	return refused
}

func (j *judge) opened(host, port string) bool {
	return slices.Contains(j.hostPorts, canonical(host, port))
}

func (j *judge) inPrefixes(a netip.Addr) bool {
	return slices.ContainsFunc(j.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (j *judge) isOwn(port string, a netip.Addr) bool {
	for _, own := range j.own {
		if strconv.Itoa(int(own.Port())) != port {
			continue
		}
		ownAddr := inner(own.Addr())
		if ownAddr == a || (ownAddr.IsUnspecified() && j.isLocal(a)) {
			return true
		}
	}
	return false
}

// isLocal says whether a belongs to this machine. When the machine cannot be
// asked, every address counts as its own: better one webhook that waits than a
// call to ourselves.
func (j *judge) isLocal(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	addrs, err := j.local()
	return err != nil || slices.Contains(addrs, a)
}

func interfaceAddrs() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list own addresses: %w", err)
	}
	addrs := make([]netip.Addr, 0, len(list))
	for _, entry := range list {
		if p, err := netip.ParsePrefix(entry.String()); err == nil {
			addrs = append(addrs, p.Addr().Unmap())
		}
	}
	return addrs, nil
}
