package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pombal/internal/maintain"
	"pombal/internal/media"
	"pombal/internal/qrcode"
	"pombal/views"
	"pombal/web"
)

// makeServer makes the pages and the doors.
func (p *product) makeServer(context.Context) error {
	files, err := media.NewDesk(p.cfg.Data+".media", p.newClient(p.downloadPolicy()))
	if err != nil {
		return err
	}
	p.keeper = maintain.NewService(p.db, p.cfg.Data, p.log, time.Now)
	p.server, err = web.NewServer(web.Deps{
		Config: p.webConfig(), Instances: p.instances, Webhooks: p.webhooks, Ledger: p.webhooks, Events: p.db,
		Catch: p.catcher, Auth: p.users, Audit: p.journal, Versions: p.engine, Crashes: p.crashes, History: p.db,
		Files: files, Upkeep: p.keeper, Hub: p.hub, QRPNG: qrcode.PNG, Log: p.log, Ready: p.db.Ready,
	})
	return err
}

func (p *product) webConfig() web.Config {
	cfg := web.Config{
		PublicURL: p.cfg.PublicURL, Version: p.version, StandIn: p.cfg.WhatsAppURL != "",
	}
	for _, proxy := range p.cfg.TrustedProxies {
		cfg.TrustedProxies = append(cfg.TrustedProxies, proxy.String())
	}
	if p.demo != nil {
		cfg.Demo = &views.Demo{PhoneURL: p.demo.PhoneURL(), ReceiverURL: p.demo.ReceiverURL(), Filled: p.demo.Filled}
	}
	return cfg
}

// serve answers requests until ctx ends.
func (p *product) serve(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- p.server.Serve(p.listener) }()
	p.open.add(func() error { return p.stopServer(served) })
	select {
	case <-ctx.Done():
		p.log.Info("stopping")
		return nil
	case err := <-served:
		served <- nil
		return fmt.Errorf("serve: %w", err)
	}
}

// stopLimit is how long requests and open pages may take to end.
const stopLimit = 10 * time.Second

// stopServer ends open pages and running requests, then waits for Serve.
func (p *product) stopServer(served <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	err := p.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		// The end was asked for, and somebody's connection does not make it a
		// failure.
		p.log.Warn("connections that did not end in time are cut off", "limit", stopLimit)
		err = nil
	}
	return errors.Join(err, <-served)
}
