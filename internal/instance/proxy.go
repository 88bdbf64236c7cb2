package instance

import (
	"context"
	"errors"

	"pombal/internal/problem"
)

// TestProxy asks WhatsApp through a proxy; nil when it answered. The error is a
// problem that names "url" and says what is wrong.
func (m *Manager) TestProxy(ctx context.Context, p *Proxy) error {
	if p == nil {
		return problem.InvalidField("url", "error.required")
	}
	if err := p.check(); err != nil {
		return err
	}
	err := m.deps.Engine.TestProxy(ctx, p)
	var dial *DialError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &dial) && dial.Cause == CauseProxyRefused:
		return problem.InvalidField("url", "error.proxy_refused")
	default:
		return problem.InvalidField("url", "error.proxy_down", "detail", dialDetail(err))
	}
}
