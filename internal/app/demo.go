package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pombal/internal/auth"
	"pombal/internal/demo"
	"pombal/web"
)

// Demo runs the same product as Serve until ctx ends, on a temporary file and
// against the stand-in network.
func Demo(ctx context.Context, params Params) (err error) {
	p := product{cfg: params.Config, version: params.Version, stdout: params.Stdout, log: newLog(params.Stderr)}
	dir, err := os.MkdirTemp("", "pombal-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p.cfg.Data = filepath.Join(dir, "demo.db")
	p.demo, err = demo.Start(demo.Config{Log: p.log, Addr: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.demo.Close()) }()
	p.cfg.WebhookAllow.HostPorts = append(p.cfg.WebhookAllow.HostPorts, p.demo.Addr())
	return p.run(ctx)
}

// welcomeDemo fills the demo and prints the link that signs its owner in.
func (p *product) welcomeDemo(ctx context.Context, home string) error {
	owner := "owner@demo.invalid"
	if err := p.users.EnsureOwner(ctx, owner, rand.Text()); err != nil {
		return err
	}
	if err := p.demo.Fill(ctx, p.instances, p.webhooks); err != nil {
		return err
	}
	user, err := p.db.UserByEmail(ctx, owner)
	if err != nil {
		return err
	}
	token, _, err := p.users.OpenSession(ctx, user.ID, auth.SessionParams{Address: "127.0.0.1", UserAgent: "demo"})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Pombal's demo is ready. Nothing here reaches WhatsApp, and nothing is kept.\n"+
		"  Start here: %s\n  The phones: %s\n  What webhooks brought: %s\n\n",
		p.demo.Invite(rand.Text(), web.SessionCookie, token, home+"/instances"), p.demo.PhoneURL(), p.demo.ReceiverURL())
	return nil
}
