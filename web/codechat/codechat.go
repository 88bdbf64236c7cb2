// Package codechat is the door for programs written for CodeChat's API: its
// paths, its credentials, its answers, its errors, in version 2 and for the
// older clients in version 1.3. It holds no behaviour of its own: what a call
// does is what the dashboard does. DESIGN.md tells what the contract leaves
// open and what was chosen.
package codechat

import (
	"context"
	"io"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/media"
	"pombal/internal/problem"
	"pombal/internal/webhook"
)

// Instances is what the door needs of instances; instance.Manager is the real
// one, and says what each method does.
type Instances interface {
	List(ctx context.Context) ([]instance.Instance, error)
	Get(ctx context.Context, id string) (instance.Instance, error)
	Create(ctx context.Context, p instance.CreateParams) (instance.Instance, error)
	Rename(ctx context.Context, id, name string, rev uint64) (instance.Instance, error)
	Connect(ctx context.Context, id string) (instance.Instance, error)
	Pairing(id string) (instance.Pairing, bool)
	RequestCode(ctx context.Context, id, phone string) (instance.TypedCode, error)
	Reload(ctx context.Context, id string) (instance.Instance, error)
	SwitchOn(ctx context.Context, id string) (instance.Instance, error)
	SwitchOff(ctx context.Context, id string) (instance.Instance, error)
	SetProxy(ctx context.Context, id string, p *instance.Proxy) (instance.Instance, error)
	Logout(ctx context.Context, id string, p instance.LogoutParams) (instance.LogoutResult, error)
	Delete(ctx context.Context, id string, p instance.DeleteParams) error
	RotateToken(ctx context.Context, id string, p instance.RotateParams) (instance.Instance, error)
	Send(ctx context.Context, id string, p instance.SendParams) (instance.Sent, error)
	Numbers(ctx context.Context, id string, numbers []string) ([]instance.Number, error)
	MarkRead(ctx context.Context, id string, reads []instance.Read) error
}

// Businesses is what the door needs of tenants; instance.Manager is the real
// one.
type Businesses interface {
	Businesses(ctx context.Context) ([]instance.Business, error)
	Business(ctx context.Context, id string) (instance.Business, error)
	CreateBusiness(ctx context.Context, p instance.BusinessParams) (instance.Business, error)
	UpdateBusiness(ctx context.Context, id string, p instance.BusinessParams) (instance.Business, error)
	DeleteBusiness(ctx context.Context, id string, force bool) (instance.Business, error)
	RotateBusinessToken(ctx context.Context, id string, p instance.RotateParams) (instance.Business, error)
	SetBusinessWebhook(ctx context.Context, id string, p instance.BusinessWebhookParams) (instance.Business, error)
	MoveInstance(ctx context.Context, id, businessID string) (instance.Instance, error)
	MoveWhatsApp(ctx context.Context, p instance.MoveParams) (instance.Instance, error)
}

// Webhooks is what the door needs of webhooks; webhook.Service is the real one.
type Webhooks interface {
	List(ctx context.Context, instanceID string) ([]webhook.Webhook, error)
	// ListAll gives the webhooks of all living instances, by instance.
	ListAll(ctx context.Context) (map[string][]webhook.Webhook, error)
	Get(ctx context.Context, instanceID, id string) (webhook.Webhook, error)
	Create(ctx context.Context, p webhook.CreateParams) (webhook.Webhook, error)
	Update(ctx context.Context, instanceID, id string, p webhook.UpdateParams) (webhook.Webhook, error)
	SetToggles(ctx context.Context, instanceID, id string, changes webhook.ToggleChanges) (webhook.Webhook, error)
	Delete(ctx context.Context, instanceID, id string) error
	// CheckURL says whether an address may be called; problem.Invalid names
	// the field "url".
	CheckURL(ctx context.Context, raw string) error
}

// Files takes in the files of messages; media.Desk is the real one.
type Files interface {
	// Fetch gets the file at an address; problem.Invalid names "url".
	Fetch(ctx context.Context, url string) (*media.File, error)
	// Take keeps an upload; problem.Invalid names "file".
	Take(ctx context.Context, r io.Reader, name string) (*media.File, error)
}

// Credentials checks and makes what programs prove themselves with.
type Credentials interface {
	// ParseInstanceToken checks an instance token; auth.ErrUnauthorized.
	ParseInstanceToken(ctx context.Context, text string) (auth.InstanceClaims, error)
	// InstanceToken is the text of the token with these claims.
	InstanceToken(ctx context.Context, c auth.InstanceClaims) (string, error)
	// ParseBusinessToken checks a business token; auth.ErrUnauthorized.
	ParseBusinessToken(ctx context.Context, text string) (auth.BusinessClaims, error)
	// BusinessToken is the text of the token with these claims.
	BusinessToken(ctx context.Context, c auth.BusinessClaims) (string, error)
	// Key finds an API key with scopes; auth.ErrUnauthorized.
	Key(ctx context.Context, text string) (auth.APIKey, error)
	// NoteUse counts a call of a credential; from is where it came from.
	NoteUse(h auth.Holder, door auth.Door, from string)
	// IsGlobalKey says whether key is the operator's key for everything.
	IsGlobalKey(key string) bool
}

// Deps are what the door works with; none may be nil.
type Deps struct {
	Instances   Instances
	Businesses  Businesses
	Webhooks    Webhooks
	History     History
	Files       Files
	Credentials Credentials
	// Audit stores an entry, after adding where the call came from. It sees to
	// its own failures: what was done stays done.
	Audit func(c *fiber.Ctx, e audit.Entry)
	// Address is where a call comes from.
	Address func(c *fiber.Ctx) string
	// Picture draws a pairing text as a data URL.
	Picture func(text string) (dataURL string, err error)
	// Text gives the English sentence of a refusal: the language of this
	// contract.
	Text func(problem.Text) string
	Now  func() time.Time
}

// Door answers CodeChat's calls.
type Door struct {
	Deps
	tokens *tokenCache
}

// New makes a Door.
func New(d Deps) *Door { return &Door{Deps: d, tokens: newTokenCache()} }
