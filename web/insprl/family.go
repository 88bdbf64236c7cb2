package insprl

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// The operations of this file are ours: InSPRL's pages about them are not
// known. They keep the style of the one that is.

// How long a call waits for the first code.
const (
	codeWait = 3 * time.Second
	codePoll = 25 * time.Millisecond
)

// hookName is what the webhook is called that this door makes.
const hookName = "InSPRL"

type createdResult struct {
	InstanceID string `json:"instance_id"`
	ClientID   string `json:"client_id"`
	ClientKey  string `json:"client_key"` // shown this once
}

// create is POST /api/whatsapp/instance/create with instance_name. It needs
// the operator's key: a client key belongs to one instance.
func (d *Door) create(c *fiber.Ctx) error {
	if key := clientKey(c); key == "" || !d.Credentials.IsGlobalKey(key) {
		return auth.ErrUnauthorized
	}
	d.Credentials.NoteUse(auth.Holder{Kind: auth.HolderGlobal}, auth.DoorInSPRL, d.Address(c))
	in := readInput(c)
	if missing := in.missing("instance_name"); len(missing) > 0 {
		return sendInvalid(c, missing...)
	}
	made, err := d.Instances.Create(c.UserContext(), instance.CreateParams{Name: in.values["instance_name"]})
	if err != nil {
		return d.refuse(c, err)
	}
	key, k, err := d.Credentials.CreateInSPRLKey(c.UserContext(), made.ID, hookName)
	if err != nil {
		return err
	}
	d.record(c, "global-key", "instance.create", made.ID, map[string]string{"name": made.Name})
	d.record(c, "global-key", "key.create", made.ID, map[string]string{"key": k.Prefix})
	return sendDone(c, createdResult{InstanceID: made.ID, ClientID: k.ClientID, ClientKey: key})
}

type qrResult struct {
	Status string `json:"status"`
	QRCode string `json:"qr_code"` // a data URL, fit for the src of an img; empty while there is none
	Code   string `json:"code"`
}

// qr is POST /api/whatsapp/instance/qr: it starts linking, and each further
// call gives the code of the moment.
func (d *Door) qr(c *call) error {
	in, err := d.Instances.Connect(c.UserContext(), c.instanceID)
	if errors.Is(err, instance.ErrConnected) {
		return sendDone(c.Ctx, qrResult{Status: "connected"})
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), codeWait)
	defer cancel()
	pace := time.NewTicker(codePoll)
	defer pace.Stop()
	for {
		if p, ok := d.Instances.Pairing(in.ID); ok && p.Code != "" {
			picture, err := d.Picture(p.Code)
			if err != nil {
				return err
			}
			return sendDone(c.Ctx, qrResult{Status: "connecting", QRCode: picture, Code: p.Code})
		}
		if in, err = d.Instances.Get(c.UserContext(), in.ID); err != nil {
			return err
		}
		if phase := in.Status.Phase; in.Linked() || phase != instance.PhaseConnecting && phase != instance.PhaseQR {
			return sendDone(c.Ctx, qrResult{Status: statusOf(in)})
		}
		select {
		case <-ctx.Done():
			return sendDone(c.Ctx, qrResult{Status: statusOf(in)})
		case <-pace.C:
		}
	}
}

type statusResult struct {
	Status string `json:"status"` // connected, connecting or disconnected
	Number string `json:"number"` // of the linked account; empty when there is none
	Name   string `json:"name"`
}

// status is POST /api/whatsapp/instance/status.
func (d *Door) status(c *call) error {
	in, err := d.Instances.Get(c.UserContext(), c.instanceID)
	if err != nil {
		return err
	}
	res := statusResult{Status: statusOf(in), Name: in.Name}
	if in.Linked() {
		res.Number, _, _ = strings.Cut(in.WhatsApp.JID, "@")
	}
	return sendDone(c.Ctx, res)
}

func statusOf(in instance.Instance) string {
	switch in.ConnectionState().State {
	case "open":
		return "connected"
	case "connecting":
		return "connecting"
	}
	return "disconnected"
}

// reconnect is POST /api/whatsapp/instance/reconnect.
func (d *Door) reconnect(c *call) error {
	if _, err := d.Instances.Reload(c.UserContext(), c.instanceID); err != nil {
		return err
	}
	c.record("instance.reload", nil)
	return sendDone(c.Ctx, "Reconnect request sent to WhatsApp")
}

type sentResult struct {
	MessageID string `json:"message_id"`
	Number    string `json:"number"`
	Timestamp int64  `json:"timestamp"`
}

// send is POST /api/whatsapp/message/send with number and message.
func (d *Door) send(c *call) error {
	sent, err := d.Instances.SendText(c.UserContext(), c.instanceID, instance.SendTextParams{
		To: c.in.values["number"], Text: c.in.values["message"],
	})
	if err != nil {
		return err
	}
	return sendDone(c.Ctx, sentResult{
		MessageID: sent.KeyID, Number: c.in.values["number"], Timestamp: sent.Timestamp.Unix(),
	})
}

// setWebhook is POST /api/whatsapp/webhook/set with webhook_url: it makes this
// door's webhook, switched on and wanting everything, or changes its address.
func (d *Door) setWebhook(c *call) error {
	ctx, url, on := c.UserContext(), c.in.values["webhook_url"], true
	switch c.in.values["enabled"] {
	case "", "1", "true", "on", "yes":
	case "0", "false", "off", "no":
		on = false
	default:
		return sendInvalid(c.Ctx, "The enabled field must be true or false.")
	}
	hooks, err := d.Webhooks.List(ctx, c.instanceID)
	if err != nil {
		return err
	}
	for _, h := range hooks {
		if h.Name != hookName {
			continue
		}
		if _, err := d.Webhooks.Update(ctx, c.instanceID, h.ID, webhook.UpdateParams{URL: &url, Enabled: &on}); err != nil {
			return err
		}
		c.record("webhook.update", map[string]string{"webhook": h.ID})
		return sendDone(c.Ctx, "Webhook saved")
	}
	h, err := d.Webhooks.Create(ctx, webhook.CreateParams{InstanceID: c.instanceID, Name: hookName, URL: url, Enabled: on})
	if err != nil {
		return err
	}
	c.record("webhook.create", map[string]string{"webhook": h.ID})
	return sendDone(c.Ctx, "Webhook saved")
}
