package codechat

import (
	"context"
	"errors"
	"strings"
	"time"

	"pombal/internal/instance"
)

// How long a call waits for the first code: WhatsApp's answer takes a second
// or so, and version 1.3 waited three.
const (
	codeWait = 3 * time.Second
	codePoll = 25 * time.Millisecond
)

// connect is GET /instance/:instanceId/connect: it starts linking, and each
// further call gives the code that is on the screen then. Asking counts as
// looking, which keeps codes being renewed.
func (c *call) connect() error {
	code, err := c.doConnect()
	if err != nil {
		return err
	}
	return c.JSON(code)
}

// doConnect starts linking where it is not under way and waits a moment for a
// code.
func (c *call) doConnect() (codeJSON, error) {
	in, err := c.door.Instances.Connect(c.ctx(), c.in.ID)
	if errors.Is(err, instance.ErrConnected) {
		in, err = c.door.Instances.Get(c.ctx(), c.in.ID)
	} else if err == nil && !linking(c.in) {
		c.recordInstance("instance.connect", nil)
	}
	if err != nil {
		return codeJSON{}, err
	}
	return c.waitForCode(in)
}

// linking says whether a pairing is under way already: polling it is no deed
// that the audit needs to hear of each time.
func linking(in instance.Instance) bool {
	p := in.Status.Phase
	return p.Pairing() || p == instance.PhaseConnecting || p.Online()
}

func (c *call) waitForCode(in instance.Instance) (codeJSON, error) {
	ctx, cancel := context.WithTimeout(c.ctx(), codeWait)
	defer cancel()
	pace := time.NewTicker(codePoll)
	defer pace.Stop()
	for {
		if p, ok := c.door.Instances.Pairing(in.ID); ok && p.Code != "" {
			return c.drawn(in, p)
		}
		var err error
		if in, err = c.door.Instances.Get(c.ctx(), in.ID); err != nil {
			return codeJSON{}, err
		}
		if phase := in.Status.Phase; in.Linked() || phase != instance.PhaseConnecting && phase != instance.PhaseQR {
			return codeJSON{State: in.ConnectionState().State}, nil
		}
		select {
		case <-ctx.Done():
			return codeJSON{State: in.ConnectionState().State}, nil
		case <-pace.C:
		}
	}
}

func (c *call) drawn(in instance.Instance, p instance.Pairing) (codeJSON, error) {
	picture, err := c.door.Picture(p.Code)
	if err != nil {
		return codeJSON{}, err
	}
	return codeJSON{Base64: picture, Code: p.Code, State: "connecting"}, nil
}

// qrcode is GET /instance/:instanceId/qrcode: the code on the screen, without
// starting anything.
func (c *call) qrcode() error {
	p, ok := c.door.Instances.Pairing(c.in.ID)
	if !ok || p.Code == "" {
		return c.JSON(codeJSON{State: c.in.ConnectionState().State})
	}
	code, err := c.drawn(c.in, p)
	if err != nil {
		return err
	}
	return c.JSON(code)
}

// digits gives the number that a text means; "" when it is none. People write
// plus signs, spaces, dots, hyphens and brackets into it. WhatsApp takes more
// than six digits and no leading zero, which would be a local number.
func digits(text string) string {
	number := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(strings.TrimPrefix(text, "+"))
	if len(number) < 7 || len(number) > 15 || number[0] == '0' || strings.Trim(number, "0123456789") != "" {
		return ""
	}
	return number
}

// pairingCode is POST /instance/:instanceId/connect/code: linking by a code
// that is typed on the phone.
func (c *call) pairingCode() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	number := digits(b.need("phoneNumber", 40))
	if number == "" && len(*b.faults) == 0 {
		b.fault("phoneNumber", "must be a phone number with its country code")
	}
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	code, err := c.doPairingCode(number)
	if err != nil {
		return err
	}
	return c.JSON(map[string]string{"code": code})
}

func (c *call) doPairingCode(number string) (string, error) {
	code, err := c.door.Instances.RequestCode(c.ctx(), c.in.ID, number)
	if err != nil {
		return "", renamed(err, "phone", "phoneNumber")
	}
	c.recordInstance("instance.connect", map[string]string{"by": "code"})
	return dashed(code.Code), nil
}

// dashed writes a code as the contract does: ABCD-EFGH.
func dashed(code string) string {
	if len(code) == 8 {
		return code[:4] + "-" + code[4:]
	}
	return code
}
