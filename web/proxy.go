package web

import (
	"context"
	"net/url"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/views"
)

// proxyTestLimit bounds a test of a proxy: the engine's own limit and a little
// for the look at the address before.
const proxyTestLimit = 15 * time.Second

// setProxy saves, tests or takes away the way to WhatsApp of an instance,
// whichever button was pressed.
func (s *Server) setProxy(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	if f.text("do") == "remove" {
		return s.saveProxy(r, in, nil)
	}
	typed := views.ProxyForm{URL: f.text("url"), User: f.text("user"), Typed: true}
	p, err := s.readProxy(r.UserContext(), in.Proxy, f)
	if f.text("do") == "test" {
		return s.testProxy(r, in, p, typed, err)
	}
	if err == nil {
		err = s.saveProxy(r, in, p)
	}
	if err == nil {
		return nil
	}
	return s.proxyAgain(r, in, typed, err)
}

// saveProxy stores it; nil takes it away. What is connected connects anew.
func (s *Server) saveProxy(r *request, in instance.Instance, p *instance.Proxy) error {
	in, err := s.Instances.SetProxy(r.UserContext(), in.ID, p)
	if err != nil {
		return err
	}
	s.record(r, "instance.proxy", "instance:"+in.ID, map[string]string{"proxy": p.String()})
	done := ok("done.proxy")
	if p == nil {
		done = ok("done.proxy_removed")
	}
	return s.redirectWith(r, path("instances", in.ID, "settings"), done)
}

// proxyAgain shows the page with what was typed and what is wrong with it.
func (s *Server) proxyAgain(r *request, in instance.Instance, typed views.ProxyForm, cause error) error {
	messages, err := s.formErrors(r, cause)
	if err != nil {
		return err
	}
	typed.Errors = messages
	page := views.InstanceSettingsPage{Instance: in, Name: in.Name, Proxy: typed}
	return s.sendSettings(r, fiber.StatusUnprocessableEntity, page)
}

// testProxy asks WhatsApp through the proxy as typed and changes nothing.
func (s *Server) testProxy(r *request, in instance.Instance, p *instance.Proxy, typed views.ProxyForm, cause error) error {
	if cause == nil && p == nil {
		cause = problem.InvalidField("url", "error.required")
	}
	if cause == nil {
		ctx, cancel := context.WithTimeout(r.UserContext(), proxyTestLimit)
		defer cancel()
		start := time.Now()
		cause = s.Instances.TestProxy(ctx, p)
		typed.Took = max(time.Since(start), 1)
	}
	t, err := s.printerFor(r)
	if err != nil {
		return err
	}
	if cause != nil {
		messages, isForm := fieldErrors(t, cause)
		if !isForm {
			return cause
		}
		typed.Took, typed.Errors = 0, messages
	}
	typed.Tested = true
	status := fiber.StatusOK
	if cause != nil {
		status = fiber.StatusUnprocessableEntity
	}
	if r.wantsFragment() {
		frame, err := s.fragment(r)
		if err != nil {
			return err
		}
		return s.render(r, status, views.ProxyTested(views.ProxyResult{Page: frame, Took: typed.Took, Errors: typed.Errors}))
	}
	return s.sendSettings(r, status, views.InstanceSettingsPage{Instance: in, Name: in.Name, Proxy: typed})
}

// readProxy reads the form; nil when it names no proxy. The password is kept
// when none is typed and proxy and user are the stored ones, since it is never
// shown. A proxy must not be where webhooks must not go either: a test of it
// would look around in the network for whoever asks.
func (s *Server) readProxy(ctx context.Context, stored *instance.Proxy, f form) (*instance.Proxy, error) {
	raw := f.text("url")
	if raw == "" {
		return nil, nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || (u.Path != "" && u.Path != "/") {
		return nil, problem.InvalidField("url", "error.proxy_url")
	}
	switch u.Scheme {
	case "http", "https", "socks5":
	default:
		return nil, problem.InvalidField("url", "error.proxy_url")
	}
	if err := s.Webhooks.CheckURL(ctx, "http://"+u.Host); err != nil {
		return nil, err
	}
	if user, password := f.text("user"), f.raw("password"); user != "" {
		u.User = url.UserPassword(user, password)
	} else if password != "" {
		return nil, problem.InvalidField("user", "error.proxy_user")
	}
	p := &instance.Proxy{URL: u.String()}
	if stored == nil || stored.String() != p.String() {
		return p, nil
	}
	p.Headers = stored.Headers
	if old, err := url.Parse(stored.URL); err == nil && sameUser(old.User, u.User) {
		p.URL = stored.URL
	}
	return p, nil
}

// sameUser says whether a form that shows no password means the stored user.
func sameUser(old, typed *url.Userinfo) bool {
	password, _ := typed.Password()
	return old != nil && typed != nil && password == "" && old.Username() == typed.Username()
}
