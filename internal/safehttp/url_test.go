package safehttp_test

import (
	"errors"
	"strings"
	"testing"

	"pombal/internal/safehttp"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return "http://example.com/" + strings.Repeat("é", n-len("http://example.com/")) }
	cases := []struct {
		raw  string
		want safehttp.Fault // "" for none
	}{
		{"http://example.com", ""},
		{"HTTPS://Example.COM/hook?a=b", ""},
		{"http://n8n:5678/webhook/x", ""},
		{"http://my_container/x", ""},
		{"http://[2606:4700::1]:8080/", ""},
		{"http://127.0.0.1:5678/", ""}, // the allow-list may open it
		{"http://xn--mnchen-3ya.de/", ""},
		{"http://example.com./x", ""},
		{"http://example.com:65535", ""},
		{"http://1password.com", ""},
		{"http://a0x.example", ""},
		{"http://example.com/a%20b", ""},
		{long(2048), ""},
		{long(2049), safehttp.FaultTooLong},
		{"", safehttp.FaultScheme},
		{"example.com/x", safehttp.FaultScheme},
		{"/x", safehttp.FaultScheme},
		{"//example.com/x", safehttp.FaultScheme},
		{"ftp://example.com", safehttp.FaultScheme},
		{"file:///etc/passwd", safehttp.FaultScheme},
		{"javascript:alert(1)", safehttp.FaultScheme},
		{"gopher://example.com:70/x", safehttp.FaultScheme},
		{"http:example.com", safehttp.FaultHost},
		{"http://", safehttp.FaultHost},
		{"http:///x", safehttp.FaultHost},
		{"http://:80/", safehttp.FaultHost},
		{"http://münchen.de/", safehttp.FaultHost},
		{"http://a..b/", safehttp.FaultHost},
		{"http://" + strings.Repeat("a", 64) + ".de/", safehttp.FaultHost},
		{"http://2130706433/", safehttp.FaultHost},
		{"http://0x7f000001/", safehttp.FaultHost},
		{"http://0x7f.1/", safehttp.FaultHost},
		{"http://127.1/", safehttp.FaultHost},
		{"http://0177.0.0.1/", safehttp.FaultHost},
		{"http://127.0.0.0x1/", safehttp.FaultHost},
		{"http://example.1/", safehttp.FaultHost},
		{"http://exa%6dple.com/", safehttp.FaultInvalid},
		{"http://127.0.0.1%2f@example.com/", safehttp.FaultCredentials},
		{"http://user@example.com/", safehttp.FaultCredentials},
		{"http://user:pass@example.com/", safehttp.FaultCredentials},
		{"http://@example.com/", safehttp.FaultCredentials},
		{"http://example.com/#x", safehttp.FaultFragment},
		{"http://example.com/#", safehttp.FaultFragment},
		{"http://example.com:0/", safehttp.FaultPort},
		{"http://example.com:/", safehttp.FaultPort},
		{"http://example.com:65536/", safehttp.FaultPort},
		{"http://example.com:99999999999/", safehttp.FaultPort},
		{"http://example.com:http/", safehttp.FaultInvalid},
		{"http://example.com\n/", safehttp.FaultInvalid},
		{"http://exa mple.com/", safehttp.FaultInvalid},
		{"http://example.com/\x00", safehttp.FaultInvalid},
		{"http://example.com/\xff", safehttp.FaultInvalid},
		{"http://[::1/", safehttp.FaultInvalid},
	}
	for _, c := range cases {
		t.Run(c.raw, func(t *testing.T) {
			t.Parallel()
			u, err := safehttp.CheckURL(c.raw)
			if c.want == "" {
				if err != nil || u == nil {
					t.Fatalf("got %v, want no error", err)
				}
				return
			}
			bad, ok := errors.AsType[*safehttp.URLError](err)
			if !ok || bad.Fault != c.want {
				t.Fatalf("got %v, want fault %q", err, c.want)
			}
		})
	}
}

func TestCheckURLRefusesAddressesThatNoPolicyAllows(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]safehttp.Class{
		"http://169.254.169.254/latest/meta-data/": safehttp.ClassLinkLocal,
		"http://[::ffff:169.254.169.254]/":         safehttp.ClassLinkLocal,
		"http://[fe80::1%25eth0]/":                 safehttp.ClassLinkLocal,
		"http://0.0.0.0:8080/":                     safehttp.ClassUnspecified,
		"http://[::]/":                             safehttp.ClassUnspecified,
		"http://224.0.0.1/":                        safehttp.ClassMulticast,
		"http://255.255.255.255/":                  safehttp.ClassReserved,
		"http://169.254.169.254./":                 safehttp.ClassLinkLocal,
	} {
		if _, err := safehttp.CheckURL(raw); refusal(t, err) != want {
			t.Errorf("%s: got %v, want %q", raw, err, want)
		}
	}
}

func TestCheckFollowsThePolicy(t *testing.T) {
	t.Parallel()
	lan := safehttp.New(safehttp.Policy{AllowHostPorts: []string{"127.0.0.1:5678"}})
	public := safehttp.New(safehttp.Policy{Mode: safehttp.ModePublic, AllowHostPorts: []string{"10.0.0.5:80"}})
	cases := []struct {
		name   string
		client *safehttp.Client
		raw    string
		want   string
	}{
		{"open", lan, "http://127.0.0.1:5678/x", ""},
		{"not open", lan, "http://127.0.0.1/x", "loopback"},
		{"trailing dot", lan, "http://127.0.0.1.:1234/x", "loopback"},
		{"private", lan, "http://192.168.0.2/x", ""},
		{"private in public mode", public, "https://192.168.0.2/x", "private"},
		{"http in public mode", public, "http://1.1.1.1/x", "https"},
		{"https in public mode", public, "https://1.1.1.1/x", ""},
		{"http to an open one in public mode", public, "http://10.0.0.5/x", ""},
		{"bad URL", lan, "http://user@1.1.1.1/", "credentials"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := c.client.Check(t.Context(), c.raw)
			if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
