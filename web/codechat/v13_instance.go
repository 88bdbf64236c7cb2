package codechat

import (
	"html"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/webhook"
)

// instance13JSON is an instance as version 1.3 shows it. Its numbers are our
// ids, which are texts.
type instance13JSON struct {
	ID               string          `json:"id"`
	Name             string          `json:"name"`
	Description      *string         `json:"description"` // not kept: null
	ConnectionStatus string          `json:"connectionStatus"`
	OwnerJID         *string         `json:"ownerJid"`
	CreatedAt        event.WireTime  `json:"createdAt"`
	UpdatedAt        event.WireTime  `json:"updatedAt"`
	DeletedAt        *event.WireTime `json:"deletedAt,omitempty"`
	Auth             auth13JSON      `json:"Auth"`
	Webhook          *webhook13JSON  `json:"Webhook"`
	WhatsApp         whatsapp13JSON  `json:"Whatsapp"` // the small s is the contract's
}

type auth13JSON struct {
	ID         string         `json:"id"`
	Token      string         `json:"token"`
	CreatedAt  event.WireTime `json:"createdAt"`
	UpdatedAt  event.WireTime `json:"updatedAt"`
	InstanceID string         `json:"instanceId"`
}

type whatsapp13JSON struct {
	Connection event.ConnectionData `json:"connection"`
}

func newInstance13(in instance.Instance, jwt string, hooks []webhook.Webhook) instance13JSON {
	j := instance13JSON{
		ID: in.ID, Name: in.Name, ConnectionStatus: "OFFLINE", CreatedAt: event.WireTime(in.CreatedAt),
		UpdatedAt: event.WireTime(in.UpdatedAt), DeletedAt: timeOrNull(in.DeletedAt), Auth: newAuth13(in, jwt),
		WhatsApp: whatsapp13JSON{in.ConnectionState()},
	}
	if in.Connection() == "open" {
		j.ConnectionStatus = "ONLINE"
	}
	if in.WhatsApp != nil {
		j.OwnerJID = &in.WhatsApp.JID
	}
	if len(hooks) > 0 {
		hook := newWebhook13(hooks[0])
		j.Webhook = &hook
	}
	return j
}

func newAuth13(in instance.Instance, jwt string) auth13JSON {
	return auth13JSON{
		ID: in.Token.ID, Token: jwt, CreatedAt: event.WireTime(in.Token.IssuedAt), UpdatedAt: event.WireTime(in.Token.UpdatedAt),
		InstanceID: in.ID,
	}
}

// create13 is POST /instance/create.
func (c *call) create13() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	p := instance.CreateParams{Name: b.need("instanceName", maxText)}
	b.text("description", maxText)
	b.has("externalAttributes") // accepted and not kept
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	in, err := c.doCreate(p)
	if problem.KindOf(err) == problem.Conflict {
		return nameTaken13(p.Name)
	}
	if err != nil {
		return err
	}
	jwt, err := c.jwt(in)
	if err != nil {
		return err
	}
	return c.created(newInstance13(in, jwt, nil))
}

// nameTaken13 is 403 in version 1.3.
func nameTaken13(name string) error {
	return problem.Wrap(fault{"The instance name " + clip(name) + " is already in use"}, problem.Forbidden, "error.forbidden")
}

// update13 is PATCH /instance/update/:instanceName. description and
// externalAttributes are accepted as create accepts them, and not kept.
func (c *call) update13() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	name := b.text("instanceName", maxText)
	b.text("description", maxText)
	b.has("externalAttributes")
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	if name == nil || *name == c.in.Name {
		return c.send13(c.in)
	}
	in, err := c.door.Instances.Rename(c.ctx(), c.in.ID, *name, 0)
	if problem.KindOf(err) == problem.Conflict {
		return nameTaken13(*name)
	}
	if err != nil {
		return renamed(err, "name", "instanceName")
	}
	c.recordInstance("instance.rename", map[string]string{"name": in.Name})
	return c.send13(in)
}

// fetch13 is GET /instance/fetchInstance/:instanceName.
func (c *call) fetch13() error { return c.send13(c.in) }

func (c *call) send13(in instance.Instance) error {
	hooks, err := c.door.Webhooks.List(c.ctx(), in.ID)
	if err != nil {
		return err
	}
	jwt, err := c.jwt(in)
	if err != nil {
		return err
	}
	return c.JSON(newInstance13(in, jwt, hooks))
}

// fetchAll13 is GET /instance/fetchInstances?instanceName=; with a name it is
// a list all the same.
func (c *call) fetchAll13() error {
	list, err := c.door.Instances.List(c.ctx())
	if err != nil {
		return err
	}
	if name := c.Query("instanceName"); name != "" {
		list = slices.DeleteFunc(list, func(in instance.Instance) bool { return !strings.EqualFold(in.Name, name) })
	}
	hooks, err := c.door.Webhooks.ListAll(c.ctx())
	if err != nil {
		return err
	}
	text := newList(len(list))
	for _, in := range list {
		jwt, err := c.jwt(in)
		if err != nil {
			return err
		}
		text = text.comma().instance13(newInstance13(in, jwt, hooks[in.ID]))
	}
	return c.sendJSON(append(text, ']'))
}

// code13JSON is the answer of connect in version 1.3.
type code13JSON struct {
	Count  int    `json:"count"`
	Code   string `json:"code,omitempty"`
	Base64 string `json:"base64,omitempty"`
}

// connect13 is GET /instance/connect/:instanceName.
func (c *call) connect13() error {
	if c.in.Connection() == "open" {
		return bad("Instance already connected")
	}
	code, err := c.doConnect()
	if err != nil {
		return err
	}
	j := code13JSON{Code: code.Code, Base64: code.Base64}
	if p, ok := c.door.Instances.Pairing(c.in.ID); ok {
		j.Count = p.Number
	}
	return c.JSON(j)
}

// pairingCode13 is GET /instance/connect/:instanceName/code/:phoneNumber.
func (c *call) pairingCode13() error {
	number := digits(c.Params("phoneNumber"))
	if number == "" {
		return bad("phoneNumber must be a phone number with its country code")
	}
	code, err := c.doPairingCode(number)
	if err != nil {
		return err
	}
	return c.JSON(map[string]string{"code": code})
}

// state13 is GET /instance/connectionState/:instanceName.
func (c *call) state13() error { return c.JSON(c.in.ConnectionState()) }

// qrcode13 is GET /instance/qrcode/:instanceName: a page with the picture.
// Unlike in version 1.3 the caller has proved who it is, and no token is on
// the page.
func (c *call) qrcode13() error {
	name := html.EscapeString(c.in.Name)
	body := "<p>" + c.in.ConnectionState().State + "</p>"
	if p, ok := c.door.Instances.Pairing(c.in.ID); ok && p.Code != "" {
		picture, err := c.door.Picture(p.Code)
		if err != nil {
			return err
		}
		body = `<img alt="` + name + `" src="` + html.EscapeString(picture) + `">`
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.SendString(`<!doctype html><html lang="en"><meta charset="utf-8"><title>` + name + `</title>` + body + `</html>`)
}

// reload13 is PATCH /instance/reload/:instanceName.
func (c *call) reload13() error {
	in, err := c.door.Instances.Reload(c.ctx(), c.in.ID)
	if err != nil {
		return err
	}
	c.recordInstance("instance.reload", nil)
	return c.send13(in)
}

// logout13 is DELETE /instance/logout/:instanceName. It is no error when
// nothing was connected.
func (c *call) logout13() error {
	if _, err := c.doLogout(false); err != nil {
		return err
	}
	return c.JSON(struct {
		Error   bool   `json:"error"`
		Message string `json:"message"`
	}{false, "Instance logged out"})
}

// delete13 is DELETE /instance/delete/:instanceName?force=true.
func (c *call) delete13() error {
	if c.in.Connection() == "open" && c.Query("force") != "true" {
		return bad("Deletion failed", "The instance needs to be disconnected")
	}
	jwt, err := c.jwt(c.in)
	if err != nil {
		return err
	}
	if err := c.doDelete(c.in); err != nil {
		return err
	}
	gone := c.in
	gone.DeletedAt = c.door.Now().Round(time.Millisecond)
	gone.Status = instance.Status{Phase: instance.PhaseStopped, Since: gone.DeletedAt, Reason: instance.ReasonOperator}
	return c.JSON(newInstance13(gone, jwt, nil))
}

// refreshToken13 is PUT /instance/refreshToken/:instanceName. It answers 201.
func (c *call) refreshToken13() error {
	in, jwt, err := c.rotate()
	if err != nil {
		return err
	}
	return c.created(newAuth13(in, jwt))
}
