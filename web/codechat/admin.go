package codechat

import (
	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
)

// createBusiness is POST /admin/business.
func (c *call) createBusiness() error {
	p, err := c.readBusiness()
	if err != nil {
		return err
	}
	if p.Name == nil {
		return bad("name should not be empty")
	}
	b, err := c.door.Businesses.CreateBusiness(c.ctx(), p)
	if err != nil {
		return err
	}
	c.record("business.create", "business:"+b.ID, map[string]string{"name": b.Name})
	answer, err := c.businessAnswer(b)
	if err != nil {
		return err
	}
	return c.created(answer)
}

// listBusinesses is GET /admin/business.
func (c *call) listBusinesses() error {
	list, err := c.door.Businesses.Businesses(c.ctx())
	if err != nil {
		return err
	}
	answers := make([]businessJSON, 0, len(list))
	for _, b := range list {
		answer, err := c.businessAnswer(b)
		if err != nil {
			return err
		}
		answers = append(answers, answer)
	}
	return c.JSON(answers)
}

// deleteBusiness is DELETE /admin/business/:businessId?force=true.
func (c *call) deleteBusiness() error {
	force := c.Query("force")
	switch force {
	case "", "true", "false":
	default:
		return bad("force must be a boolean value")
	}
	b, err := c.door.Businesses.DeleteBusiness(c.ctx(), c.Params("businessId"), force == "true")
	if err != nil {
		return err
	}
	c.record("business.delete", "business:"+b.ID, map[string]string{"name": b.Name})
	answer, err := c.businessAnswer(b)
	if err != nil {
		return err
	}
	answer.DeletedAt = timeOrNull(c.door.Now())
	return c.JSON(answer)
}

// refreshBusinessToken is PATCH /admin/business/:businessId/refresh-token.
func (c *call) refreshBusinessToken() error {
	old, overlap, err := c.readRotation()
	if err != nil {
		return err
	}
	id := c.Params("businessId")
	if _, err := c.door.Businesses.Business(c.ctx(), id); err != nil {
		return err
	}
	claims, err := c.door.Credentials.ParseBusinessToken(c.ctx(), old)
	if err != nil || claims.BusinessID != id {
		return wrongToken(err)
	}
	b, err := c.door.Businesses.RotateBusinessToken(c.ctx(), id, instance.RotateParams{OldID: claims.TokenID, Overlap: overlap})
	if err != nil {
		return err
	}
	c.record("token.rotate", "business:"+id, nil)
	text, err := c.door.Credentials.BusinessToken(c.ctx(), auth.BusinessClaims{
		BusinessID: b.ID, TokenID: b.Token.ID, IssuedAt: b.Token.IssuedAt,
	})
	if err != nil {
		return err
	}
	return c.JSON(newRotation(text, b.Token))
}

// moveInstance is PATCH /admin/business/move-instance.
func (c *call) moveInstance() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	source, target := b.need("sourceInstanceId", maxID), b.need("businessIdTarget", maxID)
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	in, err := c.door.Businesses.MoveInstance(c.ctx(), source, target)
	if err != nil {
		return err
	}
	c.record("instance.move", "instance:"+in.ID, map[string]string{"business": target})
	return c.send(in)
}

func isUnauthorized(err error) bool { return problem.KindOf(err) == problem.Unauthorized }
