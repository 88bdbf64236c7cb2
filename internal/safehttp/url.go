package safehttp

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxURL is how many characters a URL may have.
const MaxURL = 2048

// Fault says what is wrong with a URL.
type Fault string

// The faults of a URL.
const (
	FaultInvalid     Fault = "invalid"     // not a URL
	FaultScheme      Fault = "scheme"      // neither http nor https
	FaultHTTPS       Fault = "https"       // http where the policy wants https
	FaultHost        Fault = "host"        // no host, or a spelling that is no host name
	FaultPort        Fault = "port"        // not from 1 to 65535
	FaultCredentials Fault = "credentials" // user name or password inside
	FaultFragment    Fault = "fragment"    // a part after #
	FaultTooLong     Fault = "too_long"    // more than MaxURL characters
)

// Faults returns all faults, so that catalogues can be checked for
// completeness.
func Faults() []Fault {
	return []Fault{
		FaultInvalid, FaultScheme, FaultHTTPS, FaultHost, FaultPort, FaultCredentials, FaultFragment, FaultTooLong,
	}
}

// URLError is the error of a URL that cannot be called whatever its address.
// It does not repeat the URL, which may hold a secret.
type URLError struct {
	Fault Fault
}

// Error names the fault.
func (e *URLError) Error() string { return "url refused: " + string(e.Fault) }

func fault(f Fault) error { return &URLError{Fault: f} }

// CheckURL checks a URL as far as its text goes: the error is a *URLError or,
// for a literal address that no policy can allow, a *Refused.
func CheckURL(raw string) (*url.URL, error) {
	if len(raw) > MaxURL && utf8.RuneCountInString(raw) > MaxURL {
		return nil, fault(FaultTooLong)
	}
	if !utf8.ValidString(raw) {
		return nil, fault(FaultInvalid)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fault(parseFault(raw))
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fault(FaultScheme)
	}
	if u.User != nil {
		return nil, fault(FaultCredentials)
	}
	if strings.Contains(raw, "#") {
		return nil, fault(FaultFragment)
	}
	if _, err := portOf(u); err != nil {
		return nil, err
	}
	if err := checkHostText(u.Hostname()); err != nil {
		return nil, err
	}
	return u, nil
}

// parseFault finds a better word for what net/url rejects as a whole.
func parseFault(raw string) Fault {
	if scheme, _, ok := strings.Cut(raw, "://"); ok {
		if s := strings.ToLower(scheme); s != "http" && s != "https" {
			return FaultScheme
		}
		return FaultInvalid
	}
	return FaultScheme
}

// portOf gives the port that a URL leads to.
func portOf(u *url.URL) (string, error) {
	port := u.Port()
	if port == "" {
		if strings.HasSuffix(u.Host, ":") {
			return "", fault(FaultPort)
		}
		if u.Scheme == "https" {
			return "443", nil
		}
		return "80", nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fault(FaultPort)
	}
	return port, nil
}

// checkHostText refuses hosts that no policy allows and spellings that
// resolvers disagree about: names with letters outside ASCII, and numbers that
// some take for an IPv4 address (2130706433, 0x7f.1, 127.1).
func checkHostText(host string) error {
	host = strings.TrimSuffix(host, ".")
	if a, err := netip.ParseAddr(host); err == nil {
		if c := newTable().class(a); never(c) {
			return &Refused{Class: c, Addr: a}
		}
		if a.Zone() != "" {
			return fault(FaultHost)
		}
		return nil
	}
	if host == "" || len(host) > 253 {
		return fault(FaultHost)
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !validLabel(label) {
			return fault(FaultHost)
		}
	}
	if looksNumeric(labels[len(labels)-1]) {
		return fault(FaultHost)
	}
	return nil
}

// validLabel accepts the letters of host names and the underscore, which names
// of containers have.
func validLabel(label string) bool {
	if label == "" || len(label) > 63 {
		return false
	}
	for _, c := range []byte(label) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// looksNumeric says whether a last label makes other parsers read the host as
// an IPv4 address (WHATWG URL, "ends in a number").
func looksNumeric(label string) bool {
	l := strings.ToLower(label)
	if hex, ok := strings.CutPrefix(l, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(l, "0123456789") == ""
}

// checkScheme holds a URL to the https of public mode.
func (j *judge) checkScheme(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return fault(FaultScheme)
	}
	if j.mode != ModePublic || j.plain || u.Scheme == "https" {
		return nil
	}
	port, err := portOf(u)
	if err != nil {
		return fmt.Errorf("check scheme: %w", err)
	}
	if j.opened(u.Hostname(), port) {
		return nil
	}
	return fault(FaultHTTPS)
}
