// Package codechat is the door for programs written for CodeChat's API v2: its
// paths, its credentials, its answers, its errors. It holds no behaviour of its
// own: what a call does is what the dashboard does.
package codechat

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// Instances is what the door needs of instances.
type Instances interface {
	Get(ctx context.Context, id string) (instance.Instance, error)
	Logout(ctx context.Context, id string, p instance.LogoutParams) (instance.LogoutResult, error)
	Business(ctx context.Context, id string) (instance.Business, error)
}

// Webhooks is what the door needs of webhooks.
type Webhooks interface {
	List(ctx context.Context, instanceID string) ([]webhook.Webhook, error)
}

// Credentials checks and makes what programs prove themselves with.
type Credentials interface {
	// ParseInstanceToken checks an instance token; auth.ErrUnauthorized.
	ParseInstanceToken(ctx context.Context, text string) (auth.InstanceClaims, error)
	// InstanceToken is the text of the token with these claims.
	InstanceToken(ctx context.Context, c auth.InstanceClaims) (string, error)
	// IsGlobalKey says whether key is the operator's key for everything.
	IsGlobalKey(key string) bool
}

// Deps are what the door works with; none may be nil.
type Deps struct {
	Instances   Instances
	Webhooks    Webhooks
	Credentials Credentials
	// Audit stores an entry, after adding where the call came from. It sees to
	// its own failures: what was done stays done.
	Audit func(c *fiber.Ctx, e audit.Entry)
}

// Door answers CodeChat's calls.
type Door struct{ Deps }

// New makes a Door.
func New(d Deps) *Door { return &Door{Deps: d} }
