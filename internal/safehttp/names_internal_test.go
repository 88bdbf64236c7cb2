package safehttp

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
)

// fakeDNS answers every question with the addresses that answer gives for it.
func fakeDNS(answer func(kind uint16) []netip.Addr) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for {
				var size [2]byte
				if _, err := io.ReadFull(server, size[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(server, query); err != nil {
					return
				}
				reply := dnsReply(query, answer)
				if _, err := server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
					return
				}
			}
		}()
		return client, nil
	}}
}

const (
	dnsA    = 1
	dnsAAAA = 28
)

func dnsReply(query []byte, answer func(kind uint16) []netip.Addr) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5
	kind := binary.BigEndian.Uint16(query[end-4:])
	addrs := answer(kind)
	reply := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, byte(len(addrs)), 0, 0, 0, 0}, query[12:end]...)
	for _, a := range addrs {
		reply = append(reply, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(a.BitLen()/8))
		reply = append(reply, a.AsSlice()...)
	}
	return reply
}

func TestRebindingNames(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	addr := serve(t, func(net.Conn) { hits.Add(1) })
	_, port, _ := net.SplitHostPort(addr)
	var bound atomic.Bool // false: public, true: this machine
	c := newTestClient(t, CallTimeout)
	c.resolver = fakeDNS(func(kind uint16) []netip.Addr {
		switch {
		case kind != dnsA:
			return nil
		case bound.Load():
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		default:
			return []netip.Addr{netip.MustParseAddr("1.1.1.1")}
		}
	})
	for round := range 1000 {
		bound.Store(false)
		if err := c.Check(t.Context(), "http://rebind.example:"+port+"/"); err != nil {
			t.Fatalf("round %d: the public answer was refused: %v", round, err)
		}
		bound.Store(true)
		_, err := call(t, c, "http://rebind.example:"+port+"/")
		if refused, ok := errors.AsType[*Refused](err); !ok || refused.Class != ClassLoopback {
			t.Fatalf("round %d: got %v, want loopback refused", round, err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the target saw %d connections, want 0", n)
	}
}

func TestNamesWithSeveralAddresses(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	c := newTestClient(t, CallTimeout, "mixed.example:"+port)
	c.resolver = fakeDNS(func(kind uint16) []netip.Addr {
		if kind == dnsAAAA {
			return []netip.Addr{netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fd00:ec2::254")}
		}
		return []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("127.0.0.1")}
	})
	res, err := call(t, c, "http://mixed.example:"+port)
	if err != nil || res.StatusCode != http.StatusNotFound {
		t.Errorf("got status %d, %v; want the one address that is open to be used", res.StatusCode, err)
	}
	err = c.CheckHost(t.Context(), "mixed.example", "1")
	if refused, ok := errors.AsType[*Refused](err); !ok {
		t.Errorf("all addresses are refused at this port, got %v", refused)
	}
}

func TestCheckHostLetsUnknownNamesPass(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, CallTimeout)
	c.resolver = fakeDNS(func(uint16) []netip.Addr { return nil })
	if err := c.CheckHost(t.Context(), "later.example", "80"); err != nil {
		t.Errorf("got %v, want nil: the name may come to exist", err)
	}
}
