package app

import (
	"context"
	"fmt"
)

// welcome says where to go, and how to get in the first time.
func (p *product) welcome(ctx context.Context) error {
	home := p.cfg.PublicURL
	if home == "" {
		home = "http://" + p.listener.Addr().String()
	}
	if p.demo != nil {
		return p.welcomeDemo(ctx, home)
	}
	if p.cfg.OwnerEmail != "" {
		if err := p.users.EnsureOwner(ctx, p.cfg.OwnerEmail, p.cfg.OwnerPassword); err != nil {
			return err
		}
	}
	code, needed, err := p.users.SetupCode(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Pombal is ready: %s\n", home)
	if needed {
		fmt.Fprintf(p.stdout, "Create the first account at %s/setup with this code: %s\n", home, code)
	}
	fmt.Fprintln(p.stdout)
	return nil
}
