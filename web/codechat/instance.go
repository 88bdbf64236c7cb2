package codechat

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/audit"
	"pombal/internal/instance"
)

// Logout is DELETE /api/v2/instance/:instanceId/logout: "Log off the WhatsApp
// instance. The instance needs to be connected or an exception will be raised."
func (d *Door) Logout(c *fiber.Ctx) error {
	in, actor, err := d.admit(c)
	if err != nil {
		return err
	}
	res, err := d.Instances.Logout(c.UserContext(), in.ID, instance.LogoutParams{RequireConnected: true})
	if err != nil {
		return err
	}
	d.Audit(c, audit.Entry{
		Actor: actor, Action: "instance.logout", Object: "instance:" + in.ID,
		Detail: map[string]string{"unlinked": yesNo(res.Unlinked), "erased": yesNo(res.Erased), "door": "codechat"},
	})
	return d.send(c, res.Instance)
}

// Find is GET /api/v2/instance/:instanceId.
func (d *Door) Find(c *fiber.Ctx) error {
	in, _, err := d.admit(c)
	if err != nil {
		return err
	}
	return d.send(c, in)
}

// send answers with the instance as CodeChat shows it.
func (d *Door) send(c *fiber.Ctx, in instance.Instance) error {
	ctx := c.UserContext()
	hooks, err := d.Webhooks.List(ctx, in.ID)
	if err != nil {
		return fmt.Errorf("list webhooks: %w", err)
	}
	business, err := d.Instances.Business(ctx, in.BusinessID)
	if err != nil {
		return fmt.Errorf("find business: %w", err)
	}
	jwt, err := d.Credentials.InstanceToken(ctx, claimsOf(in))
	if err != nil {
		return fmt.Errorf("make token: %w", err)
	}
	return c.JSON(newInstance(in, jwt, hooks, business))
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
