package app

import (
	"context"
	"time"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/live"
	"pombal/internal/safehttp"
	"pombal/internal/webhook"
)

// makeWebhooks makes the receiver inside this program, the client that calls
// the others, the dispatcher that does so, and what keeps the webhooks.
func (p *product) makeWebhooks(ctx context.Context) error {
	if err := p.makeCatcher(ctx); err != nil {
		return err
	}
	p.outbound = p.newClient(p.outboundPolicy())
	sender := webhook.NewSender(p.outbound, p.version, time.Now).WithTokens(p.tokenText)
	p.dispatcher = webhook.NewDispatcher(webhook.DispatcherDeps{
		Outbox: p.db, Sender: sender, Log: p.log, Stop: p.stopHook,
		Changed: func(id string) { p.hub.Publish(live.SignalHook(id)) },
	})
	p.webhooks = webhook.NewService(webhook.ServiceDeps{
		Store: p.db, Outbox: p.db, Ledger: p.db, Sender: sender, Retry: p.dispatcher.Retry,
		CheckURL: p.outbound.Check, Probe: p.outbound.Probe,
		Changed: func(instanceID, id string) {
			p.hub.Publish(live.SignalHook(id), live.SignalInstance(instanceID))
			p.dispatcher.Wake()
		},
	})
	return nil
}

// makeCatcher makes the receiver inside this program.
func (p *product) makeCatcher(ctx context.Context) error {
	key, err := p.db.Secret(ctx, "catch")
	if err != nil {
		return err
	}
	p.catcher = webhook.NewCatcher(webhook.CatcherDeps{
		Store: p.db, Hooks: p.db, Key: key, Now: time.Now,
		Changed: func(id string) { p.hub.Publish(live.SignalHook("catch-" + id)) },
	})
	return nil
}

// tokenText gives the text of instance tokens to webhooks that ask for it.
func (p *product) tokenText(ctx context.Context, instanceID, tokenID string, issued time.Time) (string, error) {
	return p.users.InstanceToken(ctx, auth.InstanceClaims{InstanceID: instanceID, TokenID: tokenID, IssuedAt: issued})
}

// stopHook notes that a receiver is gone, and that nobody but Pombal decided
// so.
func (p *product) stopHook(ctx context.Context, w webhook.Webhook, reason string) error {
	if err := p.webhooks.Stop(ctx, w, reason); err != nil {
		return err
	}
	return p.journal.Append(ctx, audit.Entry{
		Actor: "system", Action: "webhook.stop", Object: "webhook:" + w.ID,
		Detail: map[string]string{"instance": w.InstanceID, "name": w.Name, "reason": reason},
	})
}

// newClient makes a client for calls out, which ends with the product.
func (p *product) newClient(policy safehttp.Policy) *safehttp.Client {
	client := safehttp.New(policy)
	p.open.add(func() error { client.Close(); return nil })
	return client
}
