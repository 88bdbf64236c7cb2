package webhook

import (
	"context"
	"strings"

	"pombal/internal/problem"
)

// ListAll gives the webhooks of all living instances, by instance, each list
// oldest first. Lists of instances would otherwise ask for each one.
func (s *Service) ListAll(ctx context.Context) (map[string][]Webhook, error) {
	return s.deps.Store.AllWebhooks(ctx)
}

// CheckURL says whether an address may be called; problem.Invalid names the
// field "url". It is for receivers and proxies that are kept elsewhere.
func (s *Service) CheckURL(ctx context.Context, raw string) error {
	faults, err := s.checkURL(ctx, strings.TrimSpace(raw))
	if err == nil && len(faults) > 0 {
		err = problem.WithFields(problem.Invalid, faults...)
	}
	return err
}
