// Package insprl is the door for programs written for InSPRL's WhatsApp API:
// the one operation whose page is known, its key, and answers whose code stands
// in the body; beside it a few operations of ours in the same style, for what
// its users need. DESIGN.md tells what the page leaves open, what was chosen,
// and which operations are ours.
package insprl

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/webhook"
)

// Instances is what the door needs of instances.
type Instances interface {
	Get(ctx context.Context, id string) (instance.Instance, error)
	Create(ctx context.Context, p instance.CreateParams) (instance.Instance, error)
	Connect(ctx context.Context, id string) (instance.Instance, error)
	Pairing(id string) (instance.Pairing, bool)
	Reload(ctx context.Context, id string) (instance.Instance, error)
	Logout(ctx context.Context, id string, p instance.LogoutParams) (instance.LogoutResult, error)
	SendText(ctx context.Context, id string, p instance.SendTextParams) (instance.Sent, error)
}

// Webhooks is what the door needs of webhooks.
type Webhooks interface {
	List(ctx context.Context, instanceID string) ([]webhook.Webhook, error)
	Create(ctx context.Context, p webhook.CreateParams) (webhook.Webhook, error)
	Update(ctx context.Context, instanceID, id string, p webhook.UpdateParams) (webhook.Webhook, error)
}

// Credentials checks what programs prove themselves with.
type Credentials interface {
	// InSPRLKey finds a client key that belongs to the client id;
	// auth.ErrUnauthorized.
	InSPRLKey(ctx context.Context, key, clientID string) (auth.APIKey, error)
	// CreateInSPRLKey makes a client key for an instance.
	CreateInSPRLKey(ctx context.Context, instanceID, name string) (key string, k auth.APIKey, err error)
	// IsGlobalKey says whether key is the operator's key for everything.
	IsGlobalKey(key string) bool
	// NoteUse counts a call of a credential; from is where it came from.
	NoteUse(h auth.Holder, door auth.Door, from string)
}

// Deps are what the door works with; none may be nil.
type Deps struct {
	Instances   Instances
	Webhooks    Webhooks
	Credentials Credentials
	// Audit stores an entry, after adding where the call came from. It sees to
	// its own failures: what was done stays done.
	Audit func(c *fiber.Ctx, e audit.Entry)
	// Address is where a call comes from.
	Address func(c *fiber.Ctx) string
	// Picture draws a pairing text as a data URL.
	Picture func(text string) (dataURL string, err error)
	// Text gives the English sentence of a refusal.
	Text func(problem.Text) string
}

// Door answers InSPRL's calls.
type Door struct{ Deps }

// New makes a Door.
func New(d Deps) *Door { return &Door{Deps: d} }

// Prefix starts the paths of this door.
const Prefix = "/api/whatsapp"

// Route is one call of this door; all are POST.
type Route struct {
	Path   string
	Global bool       // opened by the operator's key, not by a client key
	Scope  auth.Scope // what a key with scopes needs
	Handle fiber.Handler
}

// Routes is everything that this door answers.
func (d *Door) Routes() []Route {
	return []Route{
		d.keyed("/instance/logout", auth.ScopeControl, d.logout),
		{Prefix + "/instance/create", true, "", d.create},
		d.keyed("/instance/qr", auth.ScopeControl, d.qr),
		d.keyed("/instance/status", auth.ScopeRead, d.status),
		d.keyed("/instance/reconnect", auth.ScopeControl, d.reconnect),
		d.keyed("/message/send", auth.ScopeSend, d.send, "number", "message"),
		d.keyed("/webhook/set", auth.ScopeSettings, d.setWebhook, "webhook_url"),
	}
}

// keyed is a route that a client key opens, and a key with the scope.
func (d *Door) keyed(path string, scope auth.Scope, handle func(*call) error, fields ...string) Route {
	return Route{Path: Prefix + path, Scope: scope, Handle: d.let(scope, handle, fields...)}
}

// call is a request whose key opens the instance it names.
type call struct {
	*fiber.Ctx
	key        auth.APIKey
	instanceID string
	in         input
	d          *Door
}

// let makes a handler that is reached with the right key and all the fields
// alone. The order of the checks is explained in DESIGN.md.
func (d *Door) let(scope auth.Scope, handle func(*call) error, fields ...string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		key := clientKey(c)
		if key == "" {
			return auth.ErrUnauthorized
		}
		in := readInput(c)
		if missing := in.missing(append([]string{"client_id", "instance_id"}, fields...)...); len(missing) > 0 {
			return sendInvalid(c, missing...)
		}
		k, err := d.Credentials.InSPRLKey(c.UserContext(), key, in.values["client_id"])
		if err != nil {
			return err
		}
		d.Credentials.NoteUse(auth.Holder{Kind: auth.HolderKey, ID: k.ID}, auth.DoorInSPRL, d.Address(c))
		// A key opens one instance, or all. Any other id, existing or not, is
		// wrong in the same words.
		id := in.values["instance_id"]
		if k.InstanceID != "" && k.InstanceID != id {
			return sendInvalid(c, selected)
		}
		if k.Kind == auth.KeyScoped && !k.May(scope) {
			return sendScopeMissing(c, scope)
		}
		if _, err := d.Instances.Get(c.UserContext(), id); err != nil {
			return d.refuse(c, err)
		}
		// The timeline says who did what.
		c.SetUserContext(instance.WithActor(c.UserContext(), "key:"+k.Prefix))
		err = handle(&call{Ctx: c, key: k, instanceID: id, in: in, d: d})
		return d.refuse(c, err)
	}
}

// refuse answers the refusals that this door has words for.
func (d *Door) refuse(c *fiber.Ctx, err error) error {
	p := problem.As(err)
	if p == nil {
		return err
	}
	switch p.Kind {
	case problem.NotFound:
		return sendInvalid(c, selected)
	case problem.NotConnected:
		return sendInvalid(c, "The instance is not connected.")
	case problem.Invalid, problem.Conflict:
		if len(p.Fields) == 0 {
			return sendInvalid(c, d.Text(p.Text))
		}
		var result []string
		for _, f := range p.Fields {
			result = append(result, "The "+fieldName(f.Name)+" field is not valid: "+d.Text(f.Text))
		}
		return sendInvalid(c, result...)
	}
	return err
}

// fieldName is what a field is called at this door.
func fieldName(name string) string {
	switch name {
	case "recipient":
		return "number"
	case "text":
		return "message"
	case "url":
		return "webhook_url"
	case "name":
		return "instance_name"
	}
	return name
}

// logout is POST /api/whatsapp/instance/logout, "Logout from WhatsApp Web to
// get new QR code".
func (d *Door) logout(c *call) error {
	res, err := d.Instances.Logout(c.UserContext(), c.instanceID, instance.LogoutParams{})
	if err != nil {
		return err
	}
	yesNo := map[bool]string{true: "yes", false: "no"}
	c.record("instance.logout", map[string]string{
		"wasLinked": yesNo[res.WasLinked], "unlinked": yesNo[res.Unlinked], "erased": yesNo[res.Erased],
	})
	return sendDone(c.Ctx, "Logout request sent to WhatsApp")
}

// record tells the audit what was done.
func (c *call) record(action string, detail map[string]string) {
	c.d.record(c.Ctx, "key:"+c.key.Prefix, action, c.instanceID, detail)
}

func (d *Door) record(c *fiber.Ctx, actor, action, instanceID string, detail map[string]string) {
	if detail == nil {
		detail = make(map[string]string)
	}
	detail["door"] = "insprl"
	d.Audit(c, audit.Entry{Actor: actor, Action: action, Object: "instance:" + instanceID, Detail: detail})
}

// clientKey reads the header: the bare key of the document's sample, or the
// Bearer scheme of the vendor's newer calls.
func clientKey(c *fiber.Ctx) string {
	text := strings.TrimSpace(c.Get(fiber.HeaderAuthorization))
	if scheme, key, found := strings.Cut(text, " "); found && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(key)
	}
	if strings.EqualFold(text, "Bearer") {
		return ""
	}
	return text
}
