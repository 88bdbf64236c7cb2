package codechat

import (
	"time"

	"pombal/internal/instance"
)

// createInstance is POST /business/:businessId/instance.
func (c *call) createInstance() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	p := instance.CreateParams{AutoName: true, BusinessID: c.business.ID}
	if name := b.text("instanceName", maxText); name != nil {
		p.Name = *name
	}
	if id := b.text("externalId", maxID); id != nil {
		p.ID = *id
	}
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	in, err := c.doCreate(p)
	if err != nil {
		return err
	}
	answer, err := c.createAnswer(in)
	if err != nil {
		return err
	}
	return c.created(answer)
}

func (c *call) doCreate(p instance.CreateParams) (instance.Instance, error) {
	in, err := c.door.Instances.Create(c.ctx(), p)
	if err != nil {
		return in, renamed(err, "name", "instanceName")
	}
	c.record("instance.create", "instance:"+in.ID, map[string]string{"name": in.Name})
	return in, nil
}

func (c *call) createAnswer(in instance.Instance) (createJSON, error) {
	jwt, err := c.jwt(in)
	return newCreate(in, jwt), err
}

// moveWhatsApp is PATCH /business/:businessId/instance/move-whatsapp. The
// document's other spelling of its path, without "instance", works as well.
func (c *call) moveWhatsApp() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	source, target := b.need("sourceWhatsAppId", maxID), b.need("instanceIdTarget", maxID)
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	in, err := c.door.Instances.Get(c.ctx(), target)
	if err == nil && in.BusinessID != c.business.ID {
		err = instance.ErrNotFound
	}
	if err != nil {
		return err
	}
	in, err = c.door.Businesses.MoveWhatsApp(c.ctx(), instance.MoveParams{
		BusinessID: c.business.ID, WhatsAppID: source, TargetID: target,
	})
	if err != nil {
		return err
	}
	c.record("whatsapp.move", "instance:"+in.ID, map[string]string{"whatsapp": source})
	answer, err := c.createAnswer(in)
	if err != nil {
		return err
	}
	return c.JSON(moveJSON{createJSON: answer, WhatsApp: in.Wire(instance.Business{}).WhatsApp})
}

// refreshToken is PATCH /business/:businessId/instance/:instanceId/refresh-token.
func (c *call) refreshToken() error {
	in, text, err := c.rotate()
	if err != nil {
		return err
	}
	return c.JSON(newRotation(text, in.Token))
}

// rotate replaces the token that the body names and gives the new one as a JWT.
func (c *call) rotate() (in instance.Instance, jwt string, err error) {
	old, overlap, err := c.readRotation()
	if err != nil {
		return in, "", err
	}
	if in, err = c.doRefresh(old, overlap); err != nil {
		return in, "", err
	}
	jwt, err = c.jwt(in)
	return in, jwt, err
}

// doRefresh replaces the token of the instance by another one.
func (c *call) doRefresh(old string, overlap time.Duration) (instance.Instance, error) {
	claims, err := c.door.Credentials.ParseInstanceToken(c.ctx(), old)
	if err != nil || claims.InstanceID != c.in.ID {
		return instance.Instance{}, wrongToken(err)
	}
	in, err := c.door.Instances.RotateToken(c.ctx(), c.in.ID, instance.RotateParams{OldID: claims.TokenID, Overlap: overlap})
	if err != nil {
		return in, err
	}
	c.recordInstance("token.rotate", nil)
	return in, nil
}

// readRotation reads which token is to be replaced, and how long it shall stay
// good.
func (c *call) readRotation() (old string, overlap time.Duration, err error) {
	b, err := readBody(c.Ctx)
	if err != nil {
		return "", 0, err
	}
	old, overlap = b.need("oldToken", 4096), instance.TokenOverlap
	if n := b.number("overlapSeconds", 0, int64(instance.MaxTokenOverlap/time.Second)); n != nil {
		overlap = time.Duration(*n) * time.Second
	}
	b.only()
	return old, overlap, b.err()
}

// toggleActivate is PATCH /business/:businessId/instance/:instanceId/toggle-activate.
func (c *call) toggleActivate() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	on := c.in.State == instance.Inactive
	switch action := b.choice("action", "activate", "deactivate", "active", "inactive"); action {
	case "":
	default:
		on = action == "activate" || action == "active"
	}
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	in, err := c.setActive(on)
	if err != nil {
		return err
	}
	answer, err := c.createAnswer(in)
	if err != nil {
		return err
	}
	return c.JSON(answer)
}

func (c *call) setActive(on bool) (in instance.Instance, err error) {
	action := "instance.off"
	if on {
		action = "instance.on"
		in, err = c.door.Instances.SwitchOn(c.ctx(), c.in.ID)
	} else {
		in, err = c.door.Instances.SwitchOff(c.ctx(), c.in.ID)
	}
	if err == nil {
		c.recordInstance(action, nil)
	}
	return in, err
}

// deleteOwn is DELETE /business/:businessId/instance. How the contract names
// the instance is not known: the query and the body are both looked at.
func (c *call) deleteOwn() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	id := c.Query("instanceId")
	if id == "" {
		id = b.need("instanceId", maxID)
	}
	if err := b.err(); err != nil {
		return err
	}
	if err := c.findOwn(id); err != nil {
		return err
	}
	return c.delete()
}

// wrongToken says that oldToken is not the token in use. A failure to check is
// something else.
func wrongToken(err error) error {
	if err == nil || isUnauthorized(err) {
		return instance.ErrTokenReplaced
	}
	return err
}
