package web

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/webhook"
	"pombal/views"
)

// guide adds the demo's tour to a page. Outside the demo there is none.
func (s *Server) guide(r *request, p *views.Page, all []instance.Instance) error {
	if s.Config.Demo == nil {
		return nil
	}
	tour := views.Tour{Left: r.Cookies(cookieTour) == "left"}
	if !tour.Left {
		var err error
		if tour, err = s.tour(r.UserContext(), all); err != nil {
			return err
		}
	}
	demo := *s.Config.Demo
	demo.Tour = &tour
	p.Demo = &demo
	return nil
}

// showTour is a part of the tour on its own.
func (s *Server) showTour(r *request) error {
	if !r.isHX() {
		return r.Redirect("/instances", fiber.StatusSeeOther)
	}
	all, err := s.Instances.List(r.UserContext())
	if err != nil {
		return err
	}
	tour, err := s.tour(r.UserContext(), all)
	if err != nil {
		return err
	}
	frame, err := s.fragment(r)
	if err != nil {
		return err
	}
	if r.Params("part") == "steps" {
		return s.render(r, fiber.StatusOK, views.TourSteps(frame, tour))
	}
	return s.render(r, fiber.StatusOK, views.TourNow(frame, tour))
}

// setTour leaves the tour, or takes it up where the instance stands.
func (s *Server) setTour(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	switch f.text("do") {
	case "leave":
		r.setCookie(cookieTour, "left", yearLong)
	case "resume":
		r.setCookie(cookieTour, "", -1)
	default:
		return problem.New(kindBadRequest, "error.bad_request")
	}
	return s.backTo(r, f)
}

// tour finds out how far the tour has come, from what is stored alone. It
// follows the first instance that a person made.
func (s *Server) tour(ctx context.Context, all []instance.Instance) (views.Tour, error) {
	var own *instance.Instance
	for i, in := range all {
		filled := s.Config.Demo.Filled
		if (filled == nil || !filled(in.ID)) && (own == nil || in.CreatedAt.Before(own.CreatedAt)) {
			own = &all[i]
		}
	}
	if own == nil {
		return s.tourSteps(nil, nil, walked{}), nil
	}
	w, hook, err := s.walked(ctx, *own)
	return s.tourSteps(own, hook, w), err
}

// walked is what has happened to the instance that the tour follows.
type walked struct{ online, message, delivered, unlinked bool }

// tourMoments is how far back the tour looks in the timeline.
const tourMoments = 200

func (s *Server) walked(ctx context.Context, in instance.Instance) (w walked, hook *webhook.Webhook, err error) {
	moments, err := s.Instances.Timeline(ctx, in.ID, tourMoments)
	if err != nil {
		return w, nil, err
	}
	for _, m := range moments {
		w.online = w.online || m.Online
		w.unlinked = w.unlinked || m.Unlinked || m.Phase == instance.PhaseLoggedOut
	}
	seen, err := s.Events.EventsSeen(ctx, in.ID, in.CreatedAt)
	if err != nil {
		return w, nil, err
	}
	w.message = seen[event.MessagesUpsert]+seen[event.SendMessage] > 0
	hooks, err := s.Webhooks.List(ctx, in.ID)
	if err != nil || len(hooks) == 0 {
		return w, nil, err
	}
	for _, t := range []event.Type{event.MessagesUpsert, event.SendMessage} {
		found, err := s.Ledger.Ledger(ctx, in.ID, webhook.LedgerQuery{WebhookID: hooks[0].ID, Result: "delivered", Type: t, Limit: 1})
		if err != nil {
			return w, nil, err
		}
		w.delivered = w.delivered || len(found) > 0
	}
	return w, &hooks[0], nil
}

// tourSteps are the steps, each with where it happens. in and hook are nil
// before there are any.
func (s *Server) tourSteps(in *instance.Instance, hook *webhook.Webhook, w walked) views.Tour {
	at := func(parts ...string) string {
		if in == nil {
			return "/instances"
		}
		return path(append([]string{"instances", in.ID}, parts...)...)
	}
	hooked := func(parts ...string) string {
		if hook == nil {
			return at("webhooks")
		}
		return at(append([]string{"webhooks", hook.ID}, parts...)...)
	}
	scan := views.TourStep{Key: "scan", URL: s.Config.Demo.PhoneURL, Away: true}
	if in == nil || in.Status.Phase != instance.PhaseQR {
		scan = views.TourStep{Key: "show", URL: at()}
	}
	scan.Done = in != nil && in.WhatsApp != nil
	t := views.Tour{Steps: []views.TourStep{
		{Key: "create", URL: "/instances/new", Done: in != nil},
		scan,
		{Key: "connected", URL: at(), Done: w.online},
		{Key: "webhook", URL: at("catch"), Done: hook != nil},
		{Key: "toggle", URL: hooked(), Done: hook != nil && hook.Events.Toggles != webhook.AllToggles()},
		{Key: "message", URL: at("test"), Done: w.message},
		{Key: "delivery", URL: hooked("deliveries"), Done: w.delivered},
		{Key: "logout", URL: at("logout"), Done: w.unlinked},
	}}
	if hook != nil {
		t.Webhook = hook.ID
	}
	return t
}
