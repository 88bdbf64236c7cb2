// Package config reads the settings: flags over variables over files over
// defaults. Nothing is required.
package config

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"pombal/internal/safehttp"
)

// Config are the settings.
type Config struct {
	Addr           string // listen address, host:port
	Data           string // path of the data file
	InsecurePerms  bool   // others on this machine may read it
	PublicURL      string // what people type, without a path; empty when not set
	OwnerEmail     string
	OwnerPassword  string // secret
	APIKey         string // secret; the global API key, empty when there is none
	WebhookAllow   Allow
	TrustedProxies []netip.Prefix

	WhatsAppURL     string   // empty: WhatsApp itself
	WhatsAppCA      string   // path of a PEM file
	WhatsAppRootKey [32]byte // of the stand-in
	// WhatsAppCodeTime is the life of each QR code with a stand-in; 0 is
	// WhatsApp's own clock.
	WhatsAppCodeTime time.Duration
	// WhatsAppRate is how many connections a second are opened to a stand-in; 0
	// is the pace that is kept with WhatsApp itself.
	WhatsAppRate int
}

// Allow are webhook targets beyond the ordinary ones.
type Allow struct {
	Prefixes  []netip.Prefix
	HostPorts []string
}

// setting is one line of the settings table.
type setting struct {
	flag     string // without dashes; empty when there is no flag, so that no secret is on a command line
	variable string
	fallback string
	secret   bool // has a *_FILE variant
	help     string
}

// table lists all settings, in the order of the help text.
func table() []setting {
	return []setting{
		{"addr", "POMBAL_ADDR", "127.0.0.1:8080", false, "address to listen on"},
		{"data", "POMBAL_DATA", "pombal.db", false, "the data file"},
		{"insecure-perms", "POMBAL_INSECURE_PERMS", "false", false, "true: use a data file that others on this machine can read"},
		{"public-url", "POMBAL_PUBLIC_URL", "", false, "the address people use, such as https://wa.example"},
		{"trusted-proxies", "POMBAL_TRUSTED_PROXIES", "", false, "addresses (CIDR, comma-separated) of the proxies in front"},
		{"", "POMBAL_OWNER_EMAIL", "", false, "makes the first account, together with the password"},
		{"", "POMBAL_OWNER_PASSWORD", "", true, "12 to 256 characters"},
		{"", "POMBAL_API_KEY", "", true, "global API key, at least 16 characters"},
		{"webhook-allow", "POMBAL_WEBHOOK_ALLOW", "", false, "further webhook targets: CIDR or exact host:port, comma-separated"},
		{"whatsapp-url", "POMBAL_WHATSAPP_URL", "", false, "stand-in for WhatsApp's servers, loopback only"},
		{"whatsapp-ca", "POMBAL_WHATSAPP_CA", "", false, "its TLS authority (PEM file)"},
		{"whatsapp-root-key", "POMBAL_WHATSAPP_ROOT_KEY", "", false, "its Noise root key (64 hex digits)"},
		{"whatsapp-code-time", "POMBAL_WHATSAPP_CODE_TIME", "", false, "life of a QR code with a stand-in, such as 2s"},
		{"whatsapp-rate", "POMBAL_WHATSAPP_RATE", "", false, "connections a second to a stand-in, such as 100"},
	}
}

// minAPIKey is the shortest global API key: one that cannot be guessed.
const minAPIKey = 16

// Load reads the settings from the command line and the environment ("name=
// value" lines). Its errors name the setting.
func Load(args, environ []string) (Config, error) {
	env, err := environment(environ)
	if err != nil {
		return Config{}, err
	}
	flags, err := commandLine(args)
	if err != nil {
		return Config{}, err
	}
	values := make(map[string]string)
	for _, s := range table() {
		if values[s.variable], err = value(s, flags, env); err != nil {
			return Config{}, err
		}
	}
	return build(values)
}

// environment picks our variables and refuses unknown ones by name: a typing
// error must not pass silently.
func environment(environ []string) (map[string]string, error) {
	var known []string
	for _, s := range table() {
		known = append(known, s.variable)
		if s.secret {
			known = append(known, s.variable+"_FILE")
		}
	}
	env := make(map[string]string)
	for _, line := range environ {
		name, text, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, "POMBAL_") {
			continue
		}
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("unknown variable %s; known are %s", name, strings.Join(known, ", "))
		}
		env[name] = text
	}
	return env, nil
}

func commandLine(args []string) (map[string]string, error) {
	set := flag.NewFlagSet("pombal", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, s := range table() {
		switch s.flag {
		case "":
		case "insecure-perms":
			set.Bool(s.flag, false, "")
		default:
			set.String(s.flag, "", "")
		}
	}
	if err := set.Parse(args); err != nil {
		return nil, fmt.Errorf("%w; see: pombal help", err)
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q; see: pombal help", set.Arg(0))
	}
	given := make(map[string]string)
	set.Visit(func(f *flag.Flag) { given[f.Name] = f.Value.String() })
	return given, nil
}

func value(s setting, flags, env map[string]string) (string, error) {
	if text, ok := flags[s.flag]; ok && s.flag != "" {
		return text, nil
	}
	text, inEnv := env[s.variable]
	path, inFile := env[s.variable+"_FILE"]
	switch {
	case inEnv && inFile && s.secret:
		return "", fmt.Errorf("set either %s or %s_FILE, not both", s.variable, s.variable)
	case inEnv:
		return text, nil
	case inFile && s.secret:
		raw, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("%s_FILE: %w", s.variable, err)
		}
		return strings.TrimRight(string(raw), "\r\n"), nil
	default:
		return s.fallback, nil
	}
}

func build(v map[string]string) (Config, error) {
	c := Config{
		Addr: v["POMBAL_ADDR"], Data: v["POMBAL_DATA"], PublicURL: strings.TrimSuffix(v["POMBAL_PUBLIC_URL"], "/"),
		OwnerEmail: v["POMBAL_OWNER_EMAIL"], OwnerPassword: v["POMBAL_OWNER_PASSWORD"], APIKey: v["POMBAL_API_KEY"],
		WhatsAppURL: v["POMBAL_WHATSAPP_URL"], WhatsAppCA: v["POMBAL_WHATSAPP_CA"],
	}
	var err, proxies, allow error
	c.WebhookAllow.Prefixes, c.WebhookAllow.HostPorts, allow = safehttp.ParseAllow(v["POMBAL_WEBHOOK_ALLOW"])
	c.TrustedProxies, proxies = parseProxies(v["POMBAL_TRUSTED_PROXIES"])
	for _, check := range []struct {
		name string
		err  error
	}{
		{"addr", checkAddr(c.Addr)}, {"public-url", checkPublicURL(c.PublicURL)}, {"webhook-allow", allow}, {"trusted-proxies", proxies},
	} {
		if check.err != nil {
			err = errors.Join(err, fmt.Errorf("--%s: %w", check.name, check.err))
		}
	}
	perms, badPerms := strconv.ParseBool(v["POMBAL_INSECURE_PERMS"])
	if c.InsecurePerms = perms; badPerms != nil {
		err = errors.Join(err, errors.New("--insecure-perms: say true or false"))
	}
	if c.Data == "" {
		err = errors.Join(err, errors.New("--data must name a file"))
	}
	if (c.OwnerEmail == "") != (c.OwnerPassword == "") {
		err = errors.Join(err, errors.New("set POMBAL_OWNER_EMAIL and POMBAL_OWNER_PASSWORD together or neither"))
	}
	if c.APIKey != "" && len(c.APIKey) < minAPIKey {
		err = errors.Join(err, fmt.Errorf("POMBAL_API_KEY needs at least %d characters", minAPIKey))
	}
	return c, errors.Join(err, c.standIn(v["POMBAL_WHATSAPP_ROOT_KEY"]), c.codeTime(v["POMBAL_WHATSAPP_CODE_TIME"]), c.rate(v["POMBAL_WHATSAPP_RATE"]))
}

func checkAddr(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return err
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q is not an address such as 127.0.0.1:8080", text)
	}
	return nil
}

func checkPublicURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%q is not an address such as https://wa.example, without a path", text)
	}
	return nil
}

func parseProxies(list string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		if addr, err := netip.ParseAddr(entry); err == nil {
			all = append(all, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(entry)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a CIDR prefix", entry)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// standIn checks the three settings of a stand-in endpoint. Only loopback is
// taken: anything looser would let whoever controls the environment pose as
// WhatsApp.
func (c *Config) standIn(rootKey string) error {
	if c.WhatsAppURL == "" && c.WhatsAppCA == "" && rootKey == "" {
		return nil
	}
	if c.WhatsAppURL == "" || c.WhatsAppCA == "" || rootKey == "" {
		return errors.New("set --whatsapp-url, --whatsapp-ca and --whatsapp-root-key together or none of them")
	}
	u, err := url.Parse(c.WhatsAppURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "wss") || u.Port() == "" {
		return fmt.Errorf("--whatsapp-url: %q is not an address such as https://127.0.0.1:8443", c.WhatsAppURL)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("--whatsapp-url: %s is not a loopback address; only a stand-in on this machine is allowed", u.Hostname())
	}
	raw, err := hex.DecodeString(rootKey)
	if err != nil || len(raw) != len(c.WhatsAppRootKey) {
		return errors.New("--whatsapp-root-key: 64 hex digits are needed")
	}
	c.WhatsAppRootKey = [32]byte(raw)
	return nil
}

// codeTime reads the life of QR codes. Only a stand-in knows another clock
// than WhatsApp's.
func (c *Config) codeTime(text string) error {
	if text == "" {
		return nil
	}
	life, err := time.ParseDuration(text)
	switch {
	case err != nil || life < 100*time.Millisecond || life > time.Minute:
		return fmt.Errorf("--whatsapp-code-time: %q is not a time from 100ms to 1m", text)
	case c.WhatsAppURL == "":
		return errors.New("--whatsapp-code-time is for a stand-in: set --whatsapp-url too")
	}
	c.WhatsAppCodeTime = life
	return nil
}

// rate reads how fast a stand-in is connected to. With WhatsApp itself the pace
// is a matter of courtesy, and not for sale.
func (c *Config) rate(text string) error {
	if text == "" {
		return nil
	}
	const most = 10_000
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 1 || n > most:
		return fmt.Errorf("--whatsapp-rate: %q is not a number from 1 to %d", text, most)
	case c.WhatsAppURL == "":
		return errors.New("--whatsapp-rate is for a stand-in: set --whatsapp-url too")
	}
	c.WhatsAppRate = n
	return nil
}

// String shows the settings with the secrets hidden.
func (c Config) String() string {
	hidden := func(s string) string {
		if s == "" {
			return ""
		}
		return "(set)"
	}
	return fmt.Sprintf("addr=%s data=%s public-url=%s owner=%s owner-password=%s api-key=%s webhook-allow=%v whatsapp-url=%s",
		c.Addr, c.Data, c.PublicURL, c.OwnerEmail, hidden(c.OwnerPassword), hidden(c.APIKey), c.WebhookAllow, c.WhatsAppURL)
}

// LogValue is String, so that no handler of the log walks through the fields.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// GoString is String, so that no way of printing shows a secret.
func (c Config) GoString() string { return c.String() }

// Usage prints the settings table.
func Usage(w io.Writer) error {
	lines := []string{"Settings (a flag wins over its variable):"}
	for _, s := range table() {
		name := "--" + s.flag
		if s.flag == "" {
			name = ""
		}
		variable := s.variable
		if s.secret {
			variable += " or " + s.variable + "_FILE"
		}
		text := s.help
		if s.fallback != "" {
			text += " (default " + s.fallback + ")"
		}
		lines = append(lines, fmt.Sprintf("  %-20s %s\n  %20s %s", name, variable, "", text))
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}
