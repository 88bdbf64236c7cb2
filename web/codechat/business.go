package codechat

import (
	"encoding/json"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// findBusiness is GET /business/:businessId.
func (c *call) findBusiness() error { return c.sendBusiness(c.business) }

// updateBusiness is PUT /business/:businessId.
func (c *call) updateBusiness() error {
	p, err := c.readBusiness()
	if err != nil {
		return err
	}
	b, err := c.door.Businesses.UpdateBusiness(c.ctx(), c.business.ID, p)
	if err != nil {
		return err
	}
	c.record("business.update", "business:"+b.ID, nil)
	return c.sendBusiness(b)
}

func (c *call) readBusiness() (instance.BusinessParams, error) {
	b, err := readBody(c.Ctx)
	if err != nil {
		return instance.BusinessParams{}, err
	}
	p := instance.BusinessParams{Name: b.text("name", maxText)}
	if b.has("attributes") {
		p.Attributes = b.props["attributes"]
		var object map[string]json.RawMessage
		if json.Unmarshal(p.Attributes, &object) != nil {
			b.fault("attributes", "must be an object")
		}
	}
	b.only()
	return p, b.err()
}

func (c *call) sendBusiness(b instance.Business) error {
	answer, err := c.businessAnswer(b)
	if err != nil {
		return err
	}
	return c.JSON(answer)
}

func (c *call) businessAnswer(b instance.Business) (businessJSON, error) {
	token, err := c.door.Credentials.BusinessToken(c.ctx(), auth.BusinessClaims{
		BusinessID: b.ID, TokenID: b.Token.ID, IssuedAt: b.Token.IssuedAt,
	})
	return newBusiness(b, token), err
}

// findBusinessWebhook is GET /business/:businessId/webhook: null when there is
// none.
func (c *call) findBusinessWebhook() error { return c.JSON(newBusinessWebhook(c.business.Webhook)) }

// createBusinessWebhook is POST /business/:businessId/webhook.
func (c *call) createBusinessWebhook() error { return c.setBusinessWebhook(true) }

// updateBusinessWebhook is PUT /business/:businessId/webhook.
func (c *call) updateBusinessWebhook() error { return c.setBusinessWebhook(false) }

// setBusinessWebhook makes or changes the one webhook of a tenant. Both answer
// 201, as the webhook of an instance does.
func (c *call) setBusinessWebhook(create bool) error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	p := instance.BusinessWebhookParams{Name: b.text("name", webhook.MaxName), Enabled: b.flag("enabled")}
	if create || c.business.Webhook == nil {
		url := b.need("url", 2*maxURL)
		p.URL = &url
	} else {
		p.URL = b.text("url", 2*maxURL)
	}
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	if p.URL != nil {
		if err := c.door.Webhooks.CheckURL(c.ctx(), *p.URL); err != nil {
			return err
		}
	}
	got, err := c.door.Businesses.SetBusinessWebhook(c.ctx(), c.business.ID, p)
	if err != nil {
		return err
	}
	c.record("business.webhook", "business:"+got.ID, nil)
	return c.created(newBusinessWebhook(got.Webhook))
}
