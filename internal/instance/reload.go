package instance

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"pombal/internal/event"
	"pombal/internal/problem"
)

// Proxy is the way to WhatsApp of an instance that must not go there directly.
type Proxy struct {
	URL     string            `json:"url"`               // http, https or socks5; may carry credentials
	Headers map[string]string `json:"headers,omitempty"` // sent to an http proxy with CONNECT
}

// Limits of a proxy.
const (
	maxProxyURL     = 2048
	maxProxyHeaders = 16
)

// Reload renews the connection of an instance; one that is not linked starts
// to be linked. ErrSwitchedOff.
func (m *Manager) Reload(ctx context.Context, id string) (Instance, error) {
	return m.change(ctx, id, func(r *runner) error { return r.reload(ctx) })
}

func (r *runner) reload(ctx context.Context) error {
	if r.in.State == Inactive {
		return ErrSwitchedOff
	}
	if !r.in.Linked() {
		return r.connect(ctx, ConnectParams{})
	}
	if r.in.Logout != nil {
		return nil // it ends by itself, and nothing is to be connected then
	}
	err := r.apply(ctx, func(in *Instance) error {
		in.Status = Status{Phase: PhaseReconnecting, Since: r.deps.Now(), Reason: ReasonOperator}
		return nil
	})
	if err != nil {
		return err
	}
	r.flaps = 0
	r.retire()
	r.urgent = true
	r.open()
	return nil
}

// SetProxy sets the way to WhatsApp; nil takes it away. A linked instance that
// is switched on connects anew, so that nothing goes the old way afterwards.
// problem.Invalid names "url" or "headers".
func (m *Manager) SetProxy(ctx context.Context, id string, p *Proxy) (Instance, error) {
	if err := p.check(); err != nil {
		return Instance{}, err
	}
	return m.change(ctx, id, func(r *runner) error { return r.setProxy(ctx, p) })
}

func (r *runner) setProxy(ctx context.Context, p *Proxy) error {
	if r.in.Proxy.equal(p) {
		return nil
	}
	err := r.apply(ctx, func(in *Instance) error {
		in.Proxy = p
		in.Rev++
		return nil
	})
	if err != nil {
		return err
	}
	r.tell(Moment{Kind: MomentProxy, Detail: p.String(), Actor: ActorOf(ctx)})
	waits := r.in.State == Active && r.in.Status.Phase == PhaseBlocked // for another proxy, perhaps
	switch {
	case r.in.Linked() && (r.sess != nil || waits):
		return r.reload(ctx)
	case r.sess != nil:
		r.cancelPairing()
	}
	return nil
}

func (p *Proxy) equal(other *Proxy) bool {
	if p == nil || other == nil {
		return p == other
	}
	return p.URL == other.URL && maps.Equal(p.Headers, other.Headers)
}

func (p *Proxy) check() error {
	if p == nil {
		return nil
	}
	u, err := url.Parse(p.URL)
	if err != nil || len(p.URL) > maxProxyURL || u.Hostname() == "" || u.Fragment != "" || u.RawQuery != "" ||
		(u.Path != "" && u.Path != "/") {
		return problem.InvalidField("url", "error.invalid")
	}
	switch u.Scheme {
	case "http", "https", "socks5":
	default:
		return problem.InvalidField("url", "error.invalid")
	}
	if len(p.Headers) > maxProxyHeaders || (len(p.Headers) > 0 && u.Scheme == "socks5") {
		return problem.InvalidField("headers", "error.invalid")
	}
	for name, value := range p.Headers {
		bad := func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c) }
		if name == "" || len(name) > 64 || strings.ContainsFunc(name, bad) || len(value) > 1024 || strings.ContainsAny(value, "\r\n\x00") {
			return problem.InvalidField("headers", "error.invalid")
		}
	}
	return nil
}

// String never shows the credentials.
func (p *Proxy) String() string {
	if p == nil {
		return ""
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		return "proxy"
	}
	return fmt.Sprintf("%s://%s", u.Scheme, u.Host)
}

// ConnectionState is the state of the connection as connection.update would
// tell it now.
func (in Instance) ConnectionState() event.ConnectionData {
	return event.ConnectionData{State: wireState(in.Status.Phase), StatusReason: wireCode(in.Status)}
}
