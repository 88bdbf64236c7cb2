package app

import (
	"net/netip"
	"net/url"

	"pombal/internal/safehttp"
	"pombal/internal/webhook"
)

// outboundPolicy keeps webhooks away from this program's own address, but for
// its catch addresses.
func (p *product) outboundPolicy() safehttp.Policy {
	policy := safehttp.Policy{
		AllowPrefixes: p.cfg.WebhookAllow.Prefixes, AllowHostPorts: p.cfg.WebhookAllow.HostPorts,
		Inside: safehttp.Inside{Prefix: webhook.CatchPrefix, Handle: p.catcher.Handle},
	}
	if u, err := url.Parse(p.cfg.PublicURL); err == nil && u.Host != "" {
		policy.Inside.Hosts = append(policy.Inside.Hosts, u.Host)
	}
	if own, err := netip.ParseAddrPort(p.listener.Addr().String()); err == nil {
		policy.Own = append(policy.Own, own)
	}
	return policy
}

// downloadPolicy is for files whose addresses programs give: what such an
// address holds goes to whoever they choose, so only what is public may be
// fetched, and what the operator has opened for webhooks.
func (p *product) downloadPolicy() safehttp.Policy {
	policy := p.outboundPolicy()
	policy.Mode, policy.PlainHTTP, policy.Inside = safehttp.ModePublic, true, safehttp.Inside{}
	return policy
}
