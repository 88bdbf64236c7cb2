package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"pombal/internal/safehttp"
)

// Failure is why no answer came. It is one of a few fixed words, so that
// nothing of a foreign network reaches a log or a page; each has a sentence in
// the catalogues under "delivery.failure.<word>".
type Failure string

// The failures. One that the address policy refused is "refused_" and the
// class, such as refused_loopback.
const (
	FailureDNS          Failure = "dns"           // the name leads nowhere
	FailureConnect      Failure = "connect"       // nobody accepts connections there
	FailureTimeout      Failure = "timeout"       // no answer in time
	FailureClosed       Failure = "closed"        // the connection ended before an answer
	FailureTLSExpired   Failure = "tls_expired"   // the certificate is out of date
	FailureTLSHost      Failure = "tls_host"      // the certificate is for another name
	FailureTLSUntrusted Failure = "tls_untrusted" // nobody known signed the certificate
	FailureTLS          Failure = "tls"           // TLS failed in another way
	FailureAnswer       Failure = "answer"        // the answer is no HTTP or its header is too large
	FailureRequest      Failure = "request"       // the call could not be made up
	FailureHTTPS        Failure = "https"         // the policy wants https
	FailureOther        Failure = "other"
)

// Failures returns all failures, so that catalogues can be checked for
// completeness.
func Failures() []Failure {
	all := []Failure{
		FailureDNS, FailureConnect, FailureTimeout, FailureClosed, FailureTLSExpired, FailureTLSHost,
		FailureTLSUntrusted, FailureTLS, FailureAnswer, FailureRequest, FailureHTTPS, FailureOther,
	}
	for _, class := range safehttp.Classes() {
		all = append(all, refusedAs(class))
	}
	return all
}

func refusedAs(class safehttp.Class) Failure {
	return Failure("refused_" + strings.ReplaceAll(string(class), "-", "_"))
}

// failureOf finds the word for an error of a call.
func failureOf(err error) Failure {
	if refused, ok := errors.AsType[*safehttp.Refused](err); ok {
		return refusedAs(refused.Class)
	}
	if bad, ok := errors.AsType[*safehttp.URLError](err); ok {
		if bad.Fault == safehttp.FaultHTTPS {
			return FailureHTTPS
		}
		return FailureRequest
	}
	if f := tlsFailure(err); f != "" {
		return f
	}
	return netFailure(err)
}

func tlsFailure(err error) Failure {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return FailureTLSExpired
		}
		return FailureTLS
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return FailureTLSHost
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return FailureTLSUntrusted
	}
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	// net/http says this in words alone when a server answers TLS with HTTP.
	if verification || alert || record || strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return FailureTLS
	}
	return ""
}

func netFailure(err error) Failure {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && !dns.IsTimeout {
		return FailureDNS
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return FailureTimeout
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return FailureTimeout
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return FailureConnect
	}
	text := err.Error()
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), strings.HasSuffix(text, "EOF"),
		strings.Contains(text, "connection closed"):
		return FailureClosed
	// net/http has no types for these.
	case strings.Contains(text, "malformed"), strings.Contains(text, "headers exceeded"),
		strings.Contains(text, "transport connection broken"):
		return FailureAnswer
	default:
		return FailureOther
	}
}
