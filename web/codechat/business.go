package codechat

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

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

// search is POST /business/:businessId/instance/search?page=1. It answers 200
// (documented).
func (c *call) search() error {
	page, _, err := readPage(c.Ctx)
	if err != nil {
		return err
	}
	wanted, err := c.readSearch()
	if err != nil {
		return err
	}
	list, err := c.instancesWhere(wanted)
	if err != nil {
		return err
	}
	answer, err := c.businessAnswer(c.business)
	if err != nil {
		return err
	}
	return c.sendSearch(answer, pageOf(list, page))
}

// sendSearch answers with the tenant and a page of its instances.
func (c *call) sendSearch(b businessJSON, found pageJSON[instance.Instance]) error {
	records, err := c.instanceList(found.Records)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(searchJSON{businessJSON: b, BusinessPage: pageJSON[instanceJSON]{
		TotalRecords: found.TotalRecords, TotalPages: found.TotalPages, CurrentPage: found.CurrentPage,
		Records: []instanceJSON{},
	}})
	if err != nil {
		return err
	}
	const end = "[]}}" // of the page's empty list
	text := append(jsonText(raw[:len(raw)-len(end)]), records...)
	return c.sendJSON(append(text, "}}"...))
}

// readSearch reads what to look for. Each property narrows the result; the name
// is looked for inside names.
func (c *call) readSearch() (func(instance.Instance) bool, error) {
	b, err := readBody(c.Ctx)
	if err != nil {
		return nil, err
	}
	in := b.object("search")
	id, name := in.text("instanceId", maxID), in.text("name", maxText)
	state := in.choice("state", "active", "inactive")
	// The page's prose says "closed" where its schema says "close".
	connection := in.choice("connection", "open", "close", "refused", "closed")
	if connection == "closed" {
		connection = "close"
	}
	in.only()
	b.only()
	return func(in instance.Instance) bool {
		return (id == nil || *id == "" || in.ID == *id) &&
			(name == nil || strings.Contains(strings.ToLower(in.Name), strings.ToLower(*name))) &&
			(state == "" || string(in.State) == state) && (connection == "" || in.Connection() == connection)
	}, b.err()
}

// choice takes one of a few words; "" when it is absent.
func (b *body) choice(name string, words ...string) string {
	text := b.text(name, maxText)
	if text == nil || *text == "" {
		return ""
	}
	if !slices.Contains(words, *text) {
		b.fault(name, "must be one of the following values: "+strings.Join(words, ", "))
	}
	return *text
}

// instancesWhere lists the instances of the tenant that are wanted, by name.
func (c *call) instancesWhere(wanted func(instance.Instance) bool) ([]instance.Instance, error) {
	list, err := c.door.Instances.List(c.ctx())
	return slices.DeleteFunc(list, func(in instance.Instance) bool {
		return in.BusinessID != c.business.ID || !wanted(in)
	}), err
}

// instanceList is instanceAnswer for many, with one look at the webhooks.
func (c *call) instanceList(list []instance.Instance) (jsonText, error) {
	hooks, err := c.door.Webhooks.ListAll(c.ctx())
	if err != nil {
		return nil, err
	}
	text := newList(len(list))
	for _, in := range list {
		b, err := c.businessOf(in)
		if err != nil {
			return nil, err
		}
		jwt, err := c.jwt(in)
		if err != nil {
			return nil, err
		}
		text = text.comma().instance(newInstance(in, jwt, hooks[in.ID], b))
	}
	return append(text, ']'), nil
}

// connected is GET /business/:businessId/instance/connected.
func (c *call) connected() error {
	list, err := c.instancesWhere(func(in instance.Instance) bool { return in.Connection() == "open" })
	if err != nil {
		return err
	}
	answer, err := c.instanceList(list)
	if err != nil {
		return err
	}
	return c.sendJSON(answer)
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
	old, overlap, err := c.readRotation()
	if err != nil {
		return err
	}
	in, err := c.doRefresh(old, overlap)
	if err != nil {
		return err
	}
	text, err := c.jwt(in)
	if err != nil {
		return err
	}
	return c.JSON(newRotation(text, in.Token))
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

// wrongToken says that oldToken is not the token in use. A failure to check is
// something else.
func wrongToken(err error) error {
	if err == nil || isUnauthorized(err) {
		return instance.ErrTokenReplaced
	}
	return err
}
