package config_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pombal/internal/config"
)

func TestDefaultsNeedNothing(t *testing.T) {
	t.Parallel()
	c, err := config.Load(nil, []string{"HOME=/x", "PATH=/bin"})
	if err != nil || c.Addr != "127.0.0.1:8080" || c.Data != "pombal.db" {
		t.Fatalf("defaults: %v, %v", c, err)
	}
}

func TestFlagWinsOverVariable(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{"--addr", "127.0.0.1:1"}, []string{"POMBAL_ADDR=127.0.0.1:2", "POMBAL_DATA=x.db"})
	if err != nil || c.Addr != "127.0.0.1:1" || c.Data != "x.db" {
		t.Fatalf("got %v, %v", c, err)
	}
}

func TestSecretFromFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(nil, []string{"POMBAL_API_KEY_FILE=" + path})
	if err != nil || c.APIKey != "0123456789abcdef" {
		t.Fatalf("got %q, %v", c.APIKey, err)
	}
}

func TestRefusalsNameTheSetting(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("ab", 32)
	cases := []struct {
		name string
		args []string
		env  []string
		want string
	}{
		{"unknown flag", []string{"--colour", "red"}, nil, "colour"},
		{"stray argument", []string{"x"}, nil, `"x"`},
		{"unknown variable", nil, []string{"POMBAL_ADRR=1"}, "POMBAL_ADRR"},
		{"file variant of what is no secret", nil, []string{"POMBAL_ADDR_FILE=x"}, "POMBAL_ADDR_FILE"},
		{"both variants", nil, []string{"POMBAL_API_KEY=0123456789abcdef", "POMBAL_API_KEY_FILE=x"}, "not both"},
		{"missing file", nil, []string{"POMBAL_API_KEY_FILE=/nonexistent/x"}, "POMBAL_API_KEY_FILE"},
		{"address", []string{"--addr", "8080"}, nil, "--addr"},
		{"port", []string{"--addr", "127.0.0.1:http"}, nil, "--addr"},
		{"great port", []string{"--addr", "127.0.0.1:70000"}, nil, "--addr"},
		{"no data file", []string{"--data", ""}, nil, "--data"},
		{"public url without host", []string{"--public-url", "http://:80"}, nil, "--public-url"},
		{"public url with query", []string{"--public-url", "https://a.example?x=1"}, nil, "--public-url"},
		{"public url with path", []string{"--public-url", "https://a.example/x"}, nil, "--public-url"},
		{"public url scheme", []string{"--public-url", "ftp://a.example"}, nil, "--public-url"},
		{"half an owner", nil, []string{"POMBAL_OWNER_EMAIL=a@b.example"}, "together"},
		{"short key", nil, []string{"POMBAL_API_KEY=short"}, "POMBAL_API_KEY"},
		{"webhook target", []string{"--webhook-allow", "localhost"}, nil, "--webhook-allow"},
		{"metadata target", []string{"--webhook-allow", "169.254.169.254:80"}, nil, "--webhook-allow"},
		{"proxy", []string{"--trusted-proxies", "nowhere"}, nil, "--trusted-proxies"},
		{"part of a stand-in", []string{"--whatsapp-url", "https://127.0.0.1:1"}, nil, "together"},
		{"stand-in elsewhere", []string{"--whatsapp-url", "https://192.0.2.1:1", "--whatsapp-ca", "x", "--whatsapp-root-key", key}, nil, "loopback"},
		{"stand-in by a name", []string{"--whatsapp-url", "https://localhost.example:1", "--whatsapp-ca", "x", "--whatsapp-root-key", key}, nil, "loopback"},
		{"code time without a stand-in", []string{"--whatsapp-code-time", "2s"}, nil, "--whatsapp-url"},
		{"neither true nor false", nil, []string{"POMBAL_INSECURE_PERMS=maybe"}, "--insecure-perms"},
		{"code time", []string{"--whatsapp-code-time", "2"}, nil, "--whatsapp-code-time"},
		{"rate without a stand-in", []string{"--whatsapp-rate", "9"}, nil, "--whatsapp-url"},
		{"no rate", []string{"--whatsapp-rate", "0"}, nil, "--whatsapp-rate"},
		{"rate", []string{"--whatsapp-rate", "fast"}, nil, "--whatsapp-rate"},
		{"root key", []string{"--whatsapp-url", "https://127.0.0.1:1", "--whatsapp-ca", "x", "--whatsapp-root-key", "12"}, nil, "root-key"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(tc.args, tc.env)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error that names %s", err, tc.want)
			}
		})
	}
}

func TestNoPrintingShowsASecret(t *testing.T) {
	t.Parallel()
	c, err := config.Load(nil, []string{"POMBAL_API_KEY=canary-0123456789", "POMBAL_OWNER_EMAIL=a@b.example", "POMBAL_OWNER_PASSWORD=canary-password"})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, c); strings.Contains(text, "canary") {
			t.Errorf("%s shows a secret: %s", verb, text)
		}
	}
}

func TestNoLogShowsASecret(t *testing.T) {
	t.Parallel()
	c, err := config.Load(nil, []string{"POMBAL_API_KEY=canary-0123456789", "POMBAL_OWNER_EMAIL=a@b.example", "POMBAL_OWNER_PASSWORD=canary-password"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("started", "config", c, "pointer", &c)
	}
	if text := out.String(); strings.Contains(text, "canary") || strings.Count(text, "api-key=(set)") != 4 {
		t.Errorf("log: got %s", text)
	}
}

func TestListsAreParsed(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{"--webhook-allow", "10.1.2.3/8, 127.0.0.1:9000", "--trusted-proxies", "127.0.0.1,fd00::1/8"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"prefixes": {fmt.Sprint(c.WebhookAllow.Prefixes), "[10.0.0.0/8]"},
		"targets":  {fmt.Sprint(c.WebhookAllow.HostPorts), "[127.0.0.1:9000]"},
		"proxies":  {fmt.Sprint(c.TrustedProxies), "[127.0.0.1/32 fd00::/8]"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %s, want %s", what, pair[0], pair[1])
		}
	}
}

func TestStandInOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://127.0.0.1:8443", "wss://localhost:8443", "https://[::1]:8443"} {
		c, err := config.Load([]string{"--whatsapp-url", url}, []string{
			"POMBAL_WHATSAPP_CA=ca.pem", "POMBAL_WHATSAPP_ROOT_KEY=" + strings.Repeat("ab", 32), "POMBAL_WHATSAPP_CODE_TIME=2s", "POMBAL_WHATSAPP_RATE=40",
		})
		if err != nil || c.WhatsAppCodeTime != 2*time.Second || c.WhatsAppRate != 40 || c.WhatsAppURL != url || c.WhatsAppCA != "ca.pem" || c.WhatsAppRootKey[31] != 0xab {
			t.Errorf("%s: got %+v, %v", url, c, err)
		}
	}
}

func TestUsageNamesEverySetting(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := config.Usage(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--addr", "POMBAL_ADDR", "POMBAL_OWNER_PASSWORD_FILE", "--whatsapp-root-key", "--whatsapp-code-time", "--webhook-allow"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help text lacks %s", want)
		}
	}
}
