package codechat

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/safehttp"
)

// Who says whose credential opens a route. The operator's key opens every one.
type Who string

// The answers to who.
const (
	WhoAdmin    Who = "admin"    // nobody else
	WhoBusiness Who = "business" // the token of the tenant in the path
	WhoInstance Who = "instance" // the token of the instance in the path, of its tenant, or a key with the scope
)

// caller is who a request comes from.
type caller struct {
	actor    string // for the audit
	holder   auth.Holder
	global   bool
	business string       // the token of this tenant
	instance string       // the token of this instance
	key      *auth.APIKey // a key with scopes
}

// call is a request whose caller was let in, with what its path names.
type call struct {
	*fiber.Ctx
	door     *Door
	who      caller
	in       instance.Instance // with an instance in the path
	business instance.Business // with a tenant in the path
}

// ctx is the context of the request. Who does not hold the operator's key may
// not name addresses of the local network.
func (c *call) ctx() context.Context {
	if c.who.global {
		return c.UserContext()
	}
	return safehttp.FromOutside(c.UserContext())
}

// record tells the audit what was done.
func (c *call) record(action, object string, detail map[string]string) {
	if detail == nil {
		detail = make(map[string]string)
	}
	detail["door"] = "codechat"
	c.door.Audit(c.Ctx, audit.Entry{Actor: c.who.actor, Action: action, Object: object, Detail: detail})
}

// recordInstance is record for the instance of the path.
func (c *call) recordInstance(action string, detail map[string]string) {
	c.record(action, "instance:"+c.in.ID, detail)
}

// let makes a handler that is reached by those alone whom the route names.
func (d *Door) let(who Who, scope auth.Scope, handle func(*call) error) fiber.Handler {
	return func(ctx *fiber.Ctx) error {
		from, err := d.identify(ctx)
		if err != nil {
			return err
		}
		d.Credentials.NoteUse(from.holder, contractOf(ctx.Path()), d.Address(ctx))
		// The timeline says who did what.
		ctx.SetUserContext(instance.WithActor(ctx.UserContext(), from.actor))
		c := &call{Ctx: ctx, door: d, who: from}
		switch who {
		case WhoAdmin:
			err = c.admitAdmin()
		case WhoBusiness:
			err = c.admitBusiness()
		default:
			err = c.admitInstance(scope)
		}
		if err != nil {
			return err
		}
		return handle(c)
	}
}

// identify finds out who a request comes from; auth.ErrUnauthorized when its
// credentials are none or wrong.
func (d *Door) identify(c *fiber.Ctx) (caller, error) {
	return d.identifyBy(c.UserContext(), c.Get(fiber.HeaderAuthorization), c.Get("apikey"))
}

// Knows says whether the two headers hold a good credential, whatever it opens.
func (d *Door) Knows(ctx context.Context, authorization, apikey string) bool {
	_, err := d.identifyBy(ctx, authorization, apikey)
	return err == nil
}

// identifyBy is identify for the two headers.
func (d *Door) identifyBy(ctx context.Context, authorization, apikey string) (caller, error) {
	token, key := bearer(authorization), strings.TrimSpace(apikey)
	for _, text := range []string{key, token} {
		if text != "" && d.Credentials.IsGlobalKey(text) {
			return caller{actor: "global-key", global: true, holder: auth.Holder{Kind: auth.HolderGlobal}}, nil
		}
	}
	for _, text := range []string{token, key} {
		if text == "" {
			continue
		}
		k, err := d.Credentials.Key(ctx, text)
		if err == nil {
			return caller{actor: "key:" + k.Prefix, key: &k, holder: auth.Holder{Kind: auth.HolderKey, ID: k.ID}}, nil
		}
		if problem.KindOf(err) != problem.Unauthorized {
			return caller{}, err
		}
	}
	return d.identifyToken(ctx, token)
}

// identifyToken checks the two sorts of tokens. Whether a token was replaced
// is looked up where it is: in the instance or the tenant itself.
func (d *Door) identifyToken(ctx context.Context, text string) (caller, error) {
	if text == "" {
		return caller{}, auth.ErrUnauthorized
	}
	claims, err := d.Credentials.ParseInstanceToken(ctx, text)
	if err == nil {
		in, err := d.Instances.Get(ctx, claims.InstanceID)
		if err != nil {
			return caller{}, hideMissing(err)
		}
		if !in.Token.Good(claims.TokenID, d.Now()) {
			return caller{}, auth.ErrUnauthorized
		}
		kind := auth.HolderToken
		if claims.TokenID != in.Token.ID {
			kind = auth.HolderOldToken
		}
		return caller{actor: "token:" + in.ID, instance: in.ID, holder: auth.Holder{Kind: kind, ID: in.ID}}, nil
	}
	if problem.KindOf(err) != problem.Unauthorized {
		return caller{}, err
	}
	tenant, err := d.Credentials.ParseBusinessToken(ctx, text)
	if err != nil {
		return caller{}, err
	}
	b, err := d.Businesses.Business(ctx, tenant.BusinessID)
	if err != nil {
		return caller{}, hideMissing(err)
	}
	if !b.Token.Good(tenant.TokenID, d.Now()) {
		return caller{}, auth.ErrUnauthorized
	}
	kind := auth.HolderBusiness
	if tenant.TokenID != b.Token.ID {
		kind = auth.HolderOldBusiness
	}
	return caller{actor: "business:" + b.ID, business: b.ID, holder: auth.Holder{Kind: kind, ID: b.ID}}, nil
}

// contractOf says which version of the contract a path belongs to.
func contractOf(path string) auth.Door {
	if strings.HasPrefix(path, Prefix13+"/") {
		return auth.DoorCodeChat13
	}
	return auth.DoorCodeChat
}

// hideMissing makes the token of something that is gone a bad token.
func hideMissing(err error) error {
	if problem.KindOf(err) == problem.NotFound {
		return auth.ErrUnauthorized
	}
	return err
}

func (c *call) admitAdmin() error {
	if !c.who.global {
		return auth.ErrUnauthorized
	}
	return nil
}

// admitBusiness finds the tenant of the path, and the instance where the path
// names one too. A token that does not open the tenant gets the same answer
// whether it exists or not.
func (c *call) admitBusiness() error {
	id := c.Params("businessId")
	if !c.who.global && (c.who.business == "" || c.who.business != id) {
		return auth.ErrUnauthorized
	}
	b, err := c.door.Businesses.Business(c.ctx(), id)
	if err != nil {
		return err
	}
	c.business = b
	if instanceID := c.Params("instanceId"); instanceID != "" {
		return c.findOwn(instanceID)
	}
	return nil
}

// findOwn finds an instance of the tenant; that of another one is not there.
func (c *call) findOwn(id string) error {
	in, err := c.door.Instances.Get(c.ctx(), id)
	if err != nil {
		return err
	}
	if in.BusinessID != c.business.ID {
		return instance.ErrNotFound
	}
	c.in = in
	return nil
}

// admitInstance finds the instance of the path. Somebody whose token does not
// open it gets the same answer whether it exists or not: 401 for the token of
// another instance, 404 for the token of another tenant. A key that opens every
// instance is told the truth.
func (c *call) admitInstance(scope auth.Scope) error {
	in, err := c.pathInstance()
	if err != nil && (problem.KindOf(err) != problem.NotFound) {
		return err
	}
	switch missing := err != nil; {
	case c.who.global:
		if missing {
			return instance.ErrNotFound
		}
	case c.who.business != "":
		if missing || in.BusinessID != c.who.business {
			return instance.ErrNotFound
		}
	case c.who.instance != "":
		if missing || c.who.instance != in.ID {
			return auth.ErrUnauthorized
		}
	default:
		switch key := c.who.key; {
		case key == nil || key.InstanceID != "" && (missing || key.InstanceID != in.ID):
			return auth.ErrUnauthorized
		case !key.May(scope):
			return scopeMissing(scope)
		case missing:
			return instance.ErrNotFound
		}
	}
	c.in = in
	return nil
}

// pathInstance finds the instance that the path names: by its id in version 2,
// by its name in version 1.3.
func (c *call) pathInstance() (instance.Instance, error) {
	name := c.Params("instanceName")
	if name == "" {
		return c.door.Instances.Get(c.ctx(), c.Params("instanceId"))
	}
	list, err := c.door.Instances.List(c.ctx())
	if err != nil {
		return instance.Instance{}, err
	}
	i := slices.IndexFunc(list, func(in instance.Instance) bool { return strings.EqualFold(in.Name, name) })
	if i < 0 {
		return instance.Instance{}, instance.ErrNotFound
	}
	return list[i], nil
}

// scopeMissing tells the holder of a key what it lacks. Whether the instance
// exists is no news to it, or not said.
func scopeMissing(scope auth.Scope) error {
	return problem.Wrap(fault{"This key needs the scope " + string(scope)}, problem.Forbidden, "error.forbidden")
}

// bearer is the credential of the Authorization header.
func bearer(authorization string) string {
	scheme, token, found := strings.Cut(authorization, " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// fault is a refusal in the words of the contract. Each item names the
// property that it is about.
type fault []string

// Error joins the messages for the log. They never hold values.
func (f fault) Error() string { return strings.Join(f, "; ") }

// bad makes a refusal of the input.
func bad(messages ...string) error {
	return problem.Wrap(fault(messages), problem.Invalid, "error.invalid")
}

// faultOf finds the words of the contract in a refusal.
func faultOf(err error) (fault, bool) {
	var f fault
	ok := errors.As(err, &f)
	return f, ok
}
