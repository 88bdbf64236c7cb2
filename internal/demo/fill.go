package demo

import (
	"context"
	"slices"

	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// Fill makes the demo's two instances, the first of them with a webhook to the
// demo's receiver, and lets the phones see their QR codes.
func (d *Demo) Fill(ctx context.Context, instances *instance.Manager, hooks *webhook.Service) error {
	first, err := d.fill(ctx, instances, "Loja Centro")
	if err != nil {
		return err
	}
	_, err = hooks.Create(ctx, webhook.CreateParams{
		InstanceID: first.ID, Name: "Demo receiver", URL: d.ReceiverURL(), Enabled: true,
	})
	if err != nil {
		return err
	}
	if _, err := d.fill(ctx, instances, "Support"); err != nil {
		return err
	}
	d.showScreens(func() []Screen { return screens(ctx, instances) })
	return nil
}

func (d *Demo) fill(ctx context.Context, instances *instance.Manager, name string) (instance.Instance, error) {
	in, err := instances.Create(ctx, instance.CreateParams{Name: name})
	if err == nil {
		d.mu.Lock()
		d.filled = append(d.filled, in.ID)
		d.mu.Unlock()
	}
	return in, err
}

// Filled says whether an instance is one that Fill made.
func (d *Demo) Filled(instanceID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.filled, instanceID)
}

// screens are the QR codes that a phone could be pointed at now.
func screens(ctx context.Context, instances *instance.Manager) []Screen {
	var all []Screen
	list, err := instances.List(ctx)
	if err != nil {
		return nil
	}
	for _, in := range list {
		if in.Status.Phase != instance.PhaseQR {
			continue
		}
		if code, ok := instances.Peek(in.ID); ok {
			all = append(all, Screen{ID: in.ID, Name: in.Name, Code: code.Code})
		}
	}
	return all
}
