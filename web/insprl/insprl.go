// Package insprl is the door for programs written for InSPRL's WhatsApp API:
// one operation, its key, and answers whose code stands in the body. DESIGN.md
// tells what its page leaves open and what was chosen.
package insprl

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
)

// Instances is what the door needs of instances.
type Instances interface {
	Logout(ctx context.Context, id string, p instance.LogoutParams) (instance.LogoutResult, error)
}

// Credentials checks what programs prove themselves with.
type Credentials interface {
	// InSPRLKey finds a client key that belongs to the client id;
	// auth.ErrUnauthorized.
	InSPRLKey(ctx context.Context, key, clientID string) (auth.APIKey, error)
}

// Deps are what the door works with; none may be nil.
type Deps struct {
	Instances   Instances
	Credentials Credentials
	// Audit stores an entry, after adding where the call came from. It sees to
	// its own failures: what was done stays done.
	Audit func(c *fiber.Ctx, e audit.Entry)
}

// Door answers InSPRL's calls.
type Door struct{ Deps }

// New makes a Door.
func New(d Deps) *Door { return &Door{Deps: d} }

// Logout is POST /api/whatsapp/instance/logout, "Logout from WhatsApp Web to
// get new QR code".
func (d *Door) Logout(c *fiber.Ctx) error {
	key := clientKey(c)
	if key == "" {
		return auth.ErrUnauthorized
	}
	in := readInput(c)
	if missing := in.missing(); len(missing) > 0 {
		return sendInvalid(c, missing...)
	}
	k, err := d.Credentials.InSPRLKey(c.UserContext(), key, in.ClientID)
	if err != nil {
		return err
	}
	// A key opens one instance. Any other id, existing or not, is wrong in the
	// same words.
	if k.InstanceID != in.InstanceID {
		return sendInvalid(c, selected)
	}
	res, err := d.Instances.Logout(c.UserContext(), k.InstanceID, instance.LogoutParams{})
	if problem.KindOf(err) == problem.NotFound {
		return sendInvalid(c, selected)
	}
	if err != nil {
		return err
	}
	d.record(c, k, res)
	return sendDone(c)
}

func (d *Door) record(c *fiber.Ctx, k auth.APIKey, res instance.LogoutResult) {
	yesNo := map[bool]string{true: "yes", false: "no"}
	d.Audit(c, audit.Entry{
		Actor: "key:" + k.Prefix, Action: "instance.logout", Object: "instance:" + k.InstanceID,
		Detail: map[string]string{
			"wasLinked": yesNo[res.WasLinked], "unlinked": yesNo[res.Unlinked], "erased": yesNo[res.Erased], "door": "insprl",
		},
	})
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
