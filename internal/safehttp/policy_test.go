package safehttp_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"pombal/internal/safehttp"
)

// refusal is the class that an error refuses with, "" for none.
func refusal(t *testing.T, err error) safehttp.Class {
	t.Helper()
	if err == nil {
		return ""
	}
	refused, ok := errors.AsType[*safehttp.Refused](err)
	if !ok {
		t.Fatalf("got %v, want a *Refused or nil", err)
	}
	return refused.Class
}

func TestAddressesByMode(t *testing.T) {
	t.Parallel()
	const (
		private     = safehttp.ClassPrivate
		loopback    = safehttp.ClassLoopback
		linkLocal   = safehttp.ClassLinkLocal
		multicast   = safehttp.ClassMulticast
		unspecified = safehttp.ClassUnspecified
		reserved    = safehttp.ClassReserved
	)
	cases := []struct {
		host        string
		lan, public safehttp.Class
	}{
		{"1.1.1.1", "", ""},
		{"8.8.8.8", "", ""},
		{"9.255.255.255", "", ""},
		{"11.0.0.0", "", ""},
		{"100.63.255.255", "", ""},
		{"100.128.0.0", "", ""},
		{"126.255.255.255", "", ""},
		{"128.0.0.1", "", ""},
		{"172.15.255.255", "", ""},
		{"172.32.0.0", "", ""},
		{"192.167.255.255", "", ""},
		{"192.169.0.0", "", ""},
		{"198.17.255.255", "", ""},
		{"198.20.0.0", "", ""},
		{"223.255.255.255", "", ""},
		{"2606:4700:4700::1111", "", ""},
		{"2001:4860:4860::8888", "", ""},
		{"2a00:1450::1", "", ""},
		{"::ffff:1.1.1.1", "", ""},
		{"64:ff9b::101:101", "", ""},
		{"2002:101:101::1", "", ""},

		{"10.0.0.1", "", private},
		{"10.255.255.255", "", private},
		{"100.64.0.1", "", private},
		{"100.127.255.255", "", private},
		{"172.16.0.1", "", private},
		{"172.31.255.255", "", private},
		{"192.168.0.1", "", private},
		{"fc00::1", "", private},
		{"fdff:ffff::1", "", private},
		{"::ffff:192.168.1.1", "", private},
		{"64:ff9b::a00:1", "", private},
		{"2002:c0a8:101::1", "", private},

		{"127.0.0.1", loopback, loopback},
		{"127.1.2.3", loopback, loopback},
		{"127.255.255.255", loopback, loopback},
		{"::1", loopback, loopback},
		{"::ffff:127.0.0.1", loopback, loopback},
		{"::ffff:7f00:1", loopback, loopback},
		{"64:ff9b::7f00:1", loopback, loopback},
		{"64:ff9b::127.0.0.1", loopback, loopback},
		{"2002:7f00:1::", loopback, loopback},
		{"127.0.0.1.", loopback, loopback},

		{"169.254.169.254", linkLocal, linkLocal},
		{"169.254.0.1", linkLocal, linkLocal},
		{"fe80::1", linkLocal, linkLocal},
		{"fe80::1%eth0", linkLocal, linkLocal},
		{"febf::1", linkLocal, linkLocal},
		{"fd00:ec2::254", linkLocal, linkLocal},
		{"100.100.100.200", linkLocal, linkLocal},
		{"168.63.129.16", linkLocal, linkLocal},
		{"::ffff:169.254.169.254", linkLocal, linkLocal},
		{"64:ff9b::a9fe:a9fe", linkLocal, linkLocal},
		{"2002:a9fe:a9fe::1", linkLocal, linkLocal},

		{"224.0.0.1", multicast, multicast},
		{"239.255.255.255", multicast, multicast},
		{"ff02::1", multicast, multicast},
		{"64:ff9b::e000:1", multicast, multicast},

		{"0.0.0.0", unspecified, unspecified},
		{"::", unspecified, unspecified},
		{"::ffff:0.0.0.0", unspecified, unspecified},
		{"2002::1", unspecified, unspecified},

		{"0.0.0.1", reserved, reserved},
		{"0.255.255.255", reserved, reserved},
		{"192.0.0.1", reserved, reserved},
		{"192.0.2.1", reserved, reserved},
		{"192.88.99.1", reserved, reserved},
		{"198.18.0.1", reserved, reserved},
		{"198.19.255.255", reserved, reserved},
		{"198.51.100.7", reserved, reserved},
		{"203.0.113.7", reserved, reserved},
		{"240.0.0.1", reserved, reserved},
		{"255.255.255.255", reserved, reserved},
		{"2001:db8::1", reserved, reserved},
		{"2001::1", reserved, reserved},
		{"2001:2::1", reserved, reserved},
		{"3fff::1", reserved, reserved},
		{"100::1", reserved, reserved},
		{"fec0::1", reserved, reserved},
		{"::127.0.0.1", reserved, reserved},
		{"64:ff9b:1::a00:1", reserved, reserved},
		{"4000::1", reserved, reserved},
	}
	lan := safehttp.New(safehttp.Policy{})
	public := safehttp.New(safehttp.Policy{Mode: safehttp.ModePublic})
	for _, c := range cases {
		t.Run(c.host, func(t *testing.T) {
			t.Parallel()
			if got := refusal(t, lan.CheckHost(t.Context(), c.host, "80")); got != c.lan {
				t.Errorf("lan mode: got %q, want %q", got, c.lan)
			}
			if got := refusal(t, public.CheckHost(t.Context(), c.host, "80")); got != c.public {
				t.Errorf("public mode: got %q, want %q", got, c.public)
			}
		})
	}
}

func TestAllowListAndOwnAddresses(t *testing.T) {
	t.Parallel()
	prefixes := func(list ...string) (p []netip.Prefix) {
		for _, s := range list {
			p = append(p, netip.MustParsePrefix(s))
		}
		return p
	}
	own := func(list ...string) (a []netip.AddrPort) {
		for _, s := range list {
			a = append(a, netip.MustParseAddrPort(s))
		}
		return a
	}
	everything := safehttp.Policy{
		AllowPrefixes:  prefixes("0.0.0.0/0", "::/0"),
		AllowHostPorts: []string{"169.254.169.254:80", "[fe80::1]:80", "224.0.0.1:80", "0.0.0.0:80", "240.0.0.1:80"},
	}
	pub := func(p safehttp.Policy) safehttp.Policy { p.Mode = safehttp.ModePublic; return p }
	cases := []struct {
		name       string
		policy     safehttp.Policy
		host, port string
		want       safehttp.Class
	}{
		{"loopback by host:port", safehttp.Policy{AllowHostPorts: []string{"127.0.0.1:5678"}}, "127.0.0.1", "5678", ""},
		{"another port", safehttp.Policy{AllowHostPorts: []string{"127.0.0.1:5678"}}, "127.0.0.1", "5679", safehttp.ClassLoopback},
		{"another loopback", safehttp.Policy{AllowHostPorts: []string{"127.0.0.1:5678"}}, "127.0.0.2", "5678", safehttp.ClassLoopback},
		{"mapped spelling of an open one", safehttp.Policy{AllowHostPorts: []string{"127.0.0.1:5678"}}, "::ffff:127.0.0.1", "5678", ""},
		{"IPv6 loopback", safehttp.Policy{AllowHostPorts: []string{"[::1]:5678"}}, "::1", "5678", ""},
		{"loopback by prefix", safehttp.Policy{AllowPrefixes: prefixes("127.0.0.0/8")}, "127.0.0.1", "80", safehttp.ClassLoopback},
		{"private by prefix", pub(safehttp.Policy{AllowPrefixes: prefixes("10.0.0.0/8")}), "10.1.2.3", "80", ""},
		{"private by sloppy prefix", pub(safehttp.Policy{AllowPrefixes: prefixes("10.1.2.3/8")}), "10.9.9.9", "80", ""},
		{"mapped private by prefix", pub(safehttp.Policy{AllowPrefixes: prefixes("10.0.0.0/8")}), "::ffff:10.1.2.3", "80", ""},
		{"private outside the prefix", pub(safehttp.Policy{AllowPrefixes: prefixes("10.0.0.0/8")}), "192.168.1.1", "80", safehttp.ClassPrivate},
		{"private by host:port", pub(safehttp.Policy{AllowHostPorts: []string{"10.1.2.3:80"}}), "10.1.2.3", "80", ""},
		{"metadata never", everything, "169.254.169.254", "80", safehttp.ClassLinkLocal},
		{"metadata over IPv6 never", everything, "fd00:ec2::254", "80", safehttp.ClassLinkLocal},
		{"link-local never", everything, "fe80::1", "80", safehttp.ClassLinkLocal},
		{"multicast never", everything, "224.0.0.1", "80", safehttp.ClassMulticast},
		{"unspecified never", everything, "0.0.0.0", "80", safehttp.ClassUnspecified},
		{"reserved never", everything, "240.0.0.1", "80", safehttp.ClassReserved},
		{"own, though open", safehttp.Policy{AllowHostPorts: []string{"127.0.0.1:8080"}, Own: own("127.0.0.1:8080")}, "127.0.0.1", "8080", safehttp.ClassOwn},
		{"own, another port", safehttp.Policy{AllowHostPorts: []string{"127.0.0.1:8081"}, Own: own("127.0.0.1:8080")}, "127.0.0.1", "8081", ""},
		{"own on all addresses", safehttp.Policy{AllowHostPorts: []string{"127.0.0.1:8080"}, Own: own("0.0.0.0:8080")}, "127.0.0.1", "8080", safehttp.ClassOwn},
		{"own on all IPv6 addresses", safehttp.Policy{AllowHostPorts: []string{"127.0.0.9:8080"}, Own: own("[::]:8080")}, "127.0.0.9", "8080", safehttp.ClassOwn},
		{"own private address", safehttp.Policy{Own: own("192.168.1.9:8080")}, "192.168.1.9", "8080", safehttp.ClassOwn},
		{"own port elsewhere", safehttp.Policy{Own: own("192.168.1.9:8080")}, "192.168.1.10", "8080", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := refusal(t, safehttp.New(c.policy).CheckHost(t.Context(), c.host, c.port))
			if got != c.want {
				t.Errorf("%s:%s: got %q, want %q", c.host, c.port, got, c.want)
			}
		})
	}
}

func TestParseAllow(t *testing.T) {
	t.Parallel()
	prefixes, hostPorts, err := safehttp.ParseAllow(" 10.0.0.0/8, N8N.local:5678 ,127.0.0.1:5678,,[::1]:80,10.9.8.7/8 ")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(hostPorts, " "); got != "n8n.local:5678 127.0.0.1:5678 [::1]:80" {
		t.Errorf("host:port entries: got %q", got)
	}
	if len(prefixes) != 2 || prefixes[1].String() != "10.0.0.0/8" {
		t.Errorf("prefixes: got %v", prefixes)
	}
	for _, bad := range []string{
		"10.0.0.1", "10.0.0.0/33", "n8n", "n8n:", ":80", "n8n:0", "n8n:65536", "n8n:http", "127.0.0.0/8", "::1/128",
		"169.254.0.0/16", "fe80::/10", "169.254.169.254:80", "0.0.0.0:80", "224.0.0.0/4", "[fe80::1]:80",
	} {
		if _, _, err := safehttp.ParseAllow(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: got %v, want an error that names it", bad, err)
		}
	}
}
