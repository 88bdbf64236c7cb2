package webhook

import (
	"context"
	"errors"
	"strings"
	"time"

	"pombal/internal/problem"
	"pombal/internal/safehttp"
)

// Found is what a look at a receiver found, before anything is sent to it.
type Found struct {
	Address  string // where it was reached or tried last, "ip:port"; safehttp.InsideAddress for the catch address
	TLS      string // version; empty without
	CertEnds time.Time
	Split    safehttp.Split
	Failure  Failure // "" when it can be reached
}

// ProbeFunc looks at a receiver; safehttp.Client.Probe is the real one.
type ProbeFunc func(ctx context.Context, raw string, opts safehttp.Options) (safehttp.Result, error)

// Probe looks whether a URL that somebody typed leads to a receiver that can be
// reached: name, connection, TLS. Nothing is stored or sent. A URL that could
// not be saved is refused as in Create.
func (s *Service) Probe(ctx context.Context, raw string, skipVerify bool) (Found, error) {
	if s.deps.Probe == nil {
		return Found{}, errNoSender
	}
	raw = strings.TrimSpace(raw)
	faults, err := s.checkURL(ctx, raw)
	if err == nil && len(faults) > 0 {
		err = problem.WithFields(problem.Invalid, faults...)
	}
	if err != nil {
		return Found{}, err
	}
	res, err := s.deps.Probe(ctx, raw, safehttp.Options{SkipVerify: skipVerify})
	found := Found{Address: res.Address, TLS: res.TLS, CertEnds: res.CertEnds, Split: res.Split}
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return Found{}, err // who asked has gone
		}
		found.Failure = failureOf(err)
	}
	return found, nil
}
