package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pombal/internal/safehttp"
)

func TestRetryAfterHeader(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	cases := []struct {
		value string
		want  time.Duration
	}{
		{"120", 2 * time.Minute},
		{" 120 ", 2 * time.Minute},
		{"120.1", 121 * time.Second},
		{"120.6", 121 * time.Second},
		{"0.2", time.Second},
		{"0", 0},
		{"-5", 0},
		{"-0.1", 0},
		{"", 0},
		{"soon", 0},
		{"NaN", 0},
		{"Inf", 0},
		{"-Inf", 0},
		{"1e300", 0},
		{"86400", 24 * time.Hour},
		{"86401", 24 * time.Hour},
		{"99999999999999999999", 24 * time.Hour},
		{"1_0", 0},
		{"0x10", 0},
		{"1.2.3", 0},
		{".", 0},
		{strings.Repeat("9", 400), 24 * time.Hour},
		{"Mon, 02 Mar 2026 11:10:00 GMT", 10 * time.Minute},
		{"Monday, 02-Mar-26 11:10:00 GMT", 10 * time.Minute},
		{"Mon Mar  2 11:10:00 2026", 10 * time.Minute},
		{"Mon, 02 Mar 2026 10:00:00 GMT", 0},
		{"Mon, 02 Mar 2099 10:00:00 GMT", 24 * time.Hour},
		{"2026-03-02T11:10:00Z", 0},
	}
	for _, c := range cases {
		if got := retryAfter(c.value, now); got != c.want {
			t.Errorf("%q: got %v, want %v", c.value, got, c.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"120", "120.5", "-1", "NaN", "Mon, 02 Mar 2026 11:10:00 GMT"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if got := retryAfter(value, now); got < 0 || got > maxRetryAfter {
			t.Errorf("%q: got %v", value, got)
		}
	})
}

func TestLongestWaitCoversEverySchedule(t *testing.T) {
	t.Parallel()
	s := DefaultSchedule()
	total := time.Duration(0)
	for i := range s.Delays {
		wait, ok := s.delay(i+1, 1)
		if !ok || wait >= s.longest() {
			t.Errorf("wait %d: got %v, want less than %v", i+1, wait, s.longest())
		}
		total += s.Delays[i]
	}
	if total != 41*time.Hour+42*time.Minute+35*time.Second {
		t.Errorf("the schedule spans %v, want 41 h 42 min 35 s", total)
	}
	for _, attempts := range []int{-1, 0, len(s.Delays) + 1} {
		if wait, ok := s.delay(attempts, 0.5); ok {
			t.Errorf("after %d attempts: got %v, want none", attempts, wait)
		}
	}
}

func TestFailureWords(t *testing.T) {
	t.Parallel()
	dial := func(err error) error {
		return &url.Error{Op: "Post", URL: "x", Err: &net.OpError{Op: "dial", Err: err}}
	}
	cases := []struct {
		err  error
		want Failure
	}{
		{dial(&safehttp.Refused{Class: safehttp.ClassLinkLocal, Addr: netip.MustParseAddr("169.254.169.254")}), "refused_link_local"},
		{dial(&safehttp.Refused{Class: safehttp.ClassOwn}), "refused_own"},
		{&safehttp.URLError{Fault: safehttp.FaultHTTPS}, FailureHTTPS},
		{&safehttp.URLError{Fault: safehttp.FaultCredentials}, FailureRequest},
		{dial(&net.DNSError{IsNotFound: true}), FailureDNS},
		{dial(&net.DNSError{IsTimeout: true}), FailureTimeout},
		{dial(syscall.ECONNREFUSED), FailureConnect},
		{dial(syscall.EHOSTUNREACH), FailureConnect},
		{dial(os.ErrDeadlineExceeded), FailureTimeout},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), FailureTimeout},
		{x509.CertificateInvalidError{Reason: x509.Expired}, FailureTLSExpired},
		{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}, FailureTLSExpired},
		{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}}, FailureTLS},
		{&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}}}, FailureTLSHost},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, FailureTLSUntrusted},
		{&tls.CertificateVerificationError{Err: errors.New("x")}, FailureTLS},
		{tls.AlertError(40), FailureTLS},
		{tls.RecordHeaderError{}, FailureTLS},
		{errors.New("http: server gave HTTP response to HTTPS client"), FailureTLS},
		{fmt.Errorf("x: %w", syscall.ECONNRESET), FailureClosed},
		{io.EOF, FailureClosed},
		{io.ErrUnexpectedEOF, FailureClosed},
		{errors.New("http: server closed idle connection closed"), FailureClosed},
		{errors.New(`malformed HTTP response "SSH"`), FailureAnswer},
		{errors.New("net/http: server response headers exceeded 65536 bytes; aborted"), FailureAnswer},
		{errors.New("something else"), FailureOther},
	}
	for _, c := range cases {
		got := failureOf(c.err)
		if got != c.want {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
		if !slices.Contains(Failures(), got) {
			t.Errorf("%q is missing in Failures", got)
		}
	}
}
