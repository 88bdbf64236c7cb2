package web

import (
	"context"
	"strings"

	"pombal/internal/instance"
	"pombal/views"
)

// connectInstance starts to link an instance, or brings a linked one back.
func (s *Server) connectInstance(r *request) error {
	return s.command(r, "instance.connect", "done.connecting", s.Instances.Connect)
}

// switchOn says that an instance is wanted.
func (s *Server) switchOn(r *request) error {
	return s.command(r, "instance.on", "done.switched_on", s.Instances.SwitchOn)
}

// switchOff says that an instance is not wanted for now.
func (s *Server) switchOff(r *request) error {
	return s.command(r, "instance.off", "done.switched_off", s.Instances.SwitchOff)
}

// cancelPairing takes the code off the screen.
func (s *Server) cancelPairing(r *request) error {
	return s.command(r, "instance.cancel", "done.pairing_cancelled",
		func(ctx context.Context, id string) (instance.Instance, error) {
			if err := s.Instances.CancelPairing(ctx, id); err != nil {
				return instance.Instance{}, err
			}
			return s.Instances.Get(ctx, id)
		})
}

// command does one thing to an instance and shows how it is afterwards.
func (s *Server) command(r *request, action, done string,
	do func(context.Context, string) (instance.Instance, error)) error {
	in, err := do(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	s.record(r, action, "instance:"+in.ID, nil)
	if !r.isHX() {
		return s.redirectWith(r, path("instances", in.ID), ok(done, "name", in.Name))
	}
	t, err := s.printerFor(r)
	if err != nil {
		return err
	}
	if err := toast(r, "ok", ok(done, "name", in.Name).text(t)); err != nil {
		return err
	}
	// Each card has the buttons; the card that was used is the one to redraw,
	// and the live signal redraws the others.
	switch at := r.target(); {
	case strings.HasPrefix(at, "row-"):
		return s.sendRow(r, in)
	case strings.HasPrefix(at, "status-"):
		return s.sendPanel(r, views.StatusCard)
	default:
		return s.sendPanel(r, views.QRPanel)
	}
}
