package codechat

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"pombal/internal/instance"
	"pombal/internal/problem"
)

// find is GET /instance/:instanceId.
func (c *call) find() error { return c.send(c.in) }

// logout is DELETE /instance/:instanceId/logout: "Log off the WhatsApp
// instance. The instance needs to be connected or an exception will be raised."
func (c *call) logout() error {
	res, err := c.doLogout(true)
	if err != nil {
		return err
	}
	return c.send(res.Instance)
}

func (c *call) doLogout(requireConnected bool) (instance.LogoutResult, error) {
	res, err := c.door.Instances.Logout(c.ctx(), c.in.ID, instance.LogoutParams{RequireConnected: requireConnected})
	if err != nil {
		return res, err
	}
	c.recordInstance("instance.logout", map[string]string{"unlinked": yesNo(res.Unlinked), "erased": yesNo(res.Erased)})
	return res, nil
}

// state is GET /instance/:instanceId/connection-state.
func (c *call) state() error {
	now := c.in.ConnectionState()
	if now.State == "close" && c.in.Connection() == "refused" {
		now.State = "refused"
	}
	return c.JSON(stateJSON{State: now.State, StatusReason: now.StatusReason})
}

// reload is PATCH /instance/:instanceId/reload.
func (c *call) reload() error {
	in, err := c.door.Instances.Reload(c.ctx(), c.in.ID)
	if err != nil {
		return err
	}
	c.recordInstance("instance.reload", nil)
	return c.send(in)
}

// proxy is PATCH /instance/:instanceId/proxy.
func (c *call) proxy() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	if _, there := b.props["url"]; !there {
		b.fault("url", "should not be empty")
	}
	url, headers := b.text("url", maxURL), b.proxyHeaders()
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	var p *instance.Proxy // none takes it away
	if url != nil && *url != "" {
		if err := c.checkProxy(*url); err != nil {
			return err
		}
		p = &instance.Proxy{URL: *url, Headers: headers}
	}
	in, err := c.door.Instances.SetProxy(c.ctx(), c.in.ID, p)
	if err != nil {
		return err
	}
	c.recordInstance("instance.proxy", map[string]string{"proxy": p.String()})
	return c.send(in)
}

// proxyHeaders reads the headers that a proxy gets; nil when there are none.
func (b *body) proxyHeaders() map[string]string {
	object := b.object("headers")
	var headers map[string]string
	for _, name := range slices.Sorted(maps.Keys(object.props)) {
		if value := object.text(name, 1024); value != nil {
			if headers == nil {
				headers = make(map[string]string)
			}
			headers[name] = *value
		}
	}
	return headers
}

// checkProxy asks of a proxy what is asked of a webhook: that it is nowhere
// that a program from outside must not reach. The check knows http alone.
func (c *call) checkProxy(raw string) error {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return bad("url must be a URL address")
	}
	if _, host, found := strings.Cut(rest, "@"); found {
		rest = host
	}
	switch scheme {
	case "http", "https", "socks5":
		return c.door.Webhooks.CheckURL(c.ctx(), "http://"+rest)
	}
	return bad("url must begin with http, https or socks5")
}

// delete is DELETE /instance/:instanceId.
func (c *call) delete() error {
	answer, err := c.instanceAnswer(c.in)
	if err != nil {
		return err
	}
	if err := c.doDelete(c.in); err != nil {
		return err
	}
	return c.JSON(answer.deleted(c.door.Now()))
}

// doDelete logs out first: a deleted instance must not stay on the list of the
// phone.
func (c *call) doDelete(in instance.Instance) error {
	if err := c.door.Instances.Delete(c.ctx(), in.ID, instance.DeleteParams{Logout: true}); err != nil {
		return err
	}
	c.record("instance.delete", "instance:"+in.ID, map[string]string{"name": in.Name})
	return nil
}

// send answers with the instance as CodeChat shows it.
func (c *call) send(in instance.Instance) error {
	answer, err := c.instanceAnswer(in)
	if err != nil {
		return err
	}
	return c.JSON(answer)
}

func (c *call) instanceAnswer(in instance.Instance) (instanceJSON, error) {
	hooks, err := c.door.Webhooks.List(c.ctx(), in.ID)
	if err != nil {
		return instanceJSON{}, fmt.Errorf("list webhooks: %w", err)
	}
	business, err := c.businessOf(in)
	if err != nil {
		return instanceJSON{}, err
	}
	jwt, err := c.jwt(in)
	if err != nil {
		return instanceJSON{}, err
	}
	return newInstance(in, jwt, hooks, business), nil
}

// businessOf finds the tenant of an instance, which may outlive it.
func (c *call) businessOf(in instance.Instance) (instance.Business, error) {
	if c.business.ID == in.BusinessID {
		return c.business, nil
	}
	b, err := c.door.Businesses.Business(c.ctx(), in.BusinessID)
	if problem.KindOf(err) == problem.NotFound {
		return instance.Business{ID: in.BusinessID}, nil
	}
	if err != nil {
		return b, fmt.Errorf("find business: %w", err)
	}
	return b, nil
}

// jwt is the text of the instance's token. Keys without the scope admin do not
// get it: it can do everything.
func (c *call) jwt(in instance.Instance) (string, error) {
	if c.who.key != nil && !c.who.key.May("admin") {
		return "", nil
	}
	text, err := c.door.tokens.text(c.ctx(), claimsOf(in), c.door.Credentials.InstanceToken)
	if err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	return text, nil
}

// created answers with status 201.
func (c *call) created(v any) error { return c.Status(http.StatusCreated).JSON(v) }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
