package whatsapp

import (
	"net/http"
	"net/url"

	"pombal/internal/instance"
)

// httpFor is the way out of an instance: the engine's own, or through the
// proxy of the instance. What goes through a proxy never goes around it.
func (e *Engine) httpFor(p *instance.Proxy) *http.Client {
	if p == nil {
		return e.http
	}
	c := httpClient(e.cfg.Endpoint)
	transport, ok := c.Transport.(*http.Transport)
	if !ok {
		return c
	}
	transport.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(p.URL) }
	if len(p.Headers) > 0 {
		transport.ProxyConnectHeader = make(http.Header, len(p.Headers))
		for name, value := range p.Headers {
			transport.ProxyConnectHeader.Set(name, value)
		}
	}
	transport.OnProxyConnectResponse = onlyOpened
	if to := e.cfg.Endpoint; to != nil {
		// A dialer of our own would be passed over for a proxy, and the
		// stand-in's authority with it.
		transport.DialTLSContext = nil
		transport.TLSClientConfig = to.tlsConfig()
	}
	return c
}
