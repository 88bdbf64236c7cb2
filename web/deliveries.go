package web

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/webhook"
	"pombal/views"
)

// deliveriesShown is how many deliveries a page lists; the page of a webhook,
// which has much else, shows deliveriesFew.
const (
	deliveriesShown = 50
	deliveriesFew   = 10
)

// listDeliveries is the ledger of a webhook, and for htmx its table.
func (s *Server) listDeliveries(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	page := webhookPage(in, h)
	if err := s.addDeliveries(r, &page); err != nil {
		return err
	}
	if r.isHX() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		return s.render(r, fiber.StatusOK, views.DeliveryTable(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Deliveries(views.DeliveriesPage{WebhookPage: page}))
}

// addDeliveries adds the deliveries that the address asks for. A page that is
// open says with upto how far its rows go: newer ones are counted, so that no
// row moves under somebody's pointer.
func (s *Server) addDeliveries(r *request, page *views.WebhookPage) (err error) {
	ctx, in, h := r.UserContext(), page.Instance.ID, page.Webhook.ID
	f, shown := deliveryFilter(r), deliveriesShown
	if f.Few = f.Few || page.Care.Lookup.Few; f.Few {
		shown = deliveriesFew
	}
	q := webhook.LedgerQuery{
		WebhookID: h, Result: f.Result, Type: event.Type(f.Event), Text: f.Text, Before: f.Before, UpTo: f.UpTo,
		Limit: shown + 1,
	}
	q.From, _ = parseClock(f.From, location(f.Zone)) // none leaves that side open
	q.To, _ = parseClockEnd(f.To, location(f.Zone))  // the same
	if page.Deliveries, err = s.Ledger.Ledger(ctx, in, q); err != nil {
		return err
	}
	if f.More = len(page.Deliveries) > shown; f.More {
		page.Deliveries = page.Deliveries[:shown]
	}
	if f.UpTo == 0 && len(page.Deliveries) > 0 {
		f.UpTo = page.Deliveries[0].ID
	} else if f.UpTo > 0 && f.Before == 0 {
		if f.New, err = s.Ledger.CountAfter(ctx, in, h, f.UpTo); err != nil {
			return err
		}
	}
	page.Care.Lookup = f
	if page.Waiting, err = s.Webhooks.Waiting(ctx, in, h); err != nil {
		return err
	}
	if page.Care.Dead, err = s.Ledger.CountDead(ctx, in, h); err != nil {
		return err
	}
	page.Care.Health, err = s.Ledger.Health(ctx, in, h)
	return err
}

// deliveryFilter reads what a list is asked for; what it does not know asks for
// nothing.
func deliveryFilter(r *request) views.DeliveryFilter {
	f := views.DeliveryFilter{Result: r.Query("result"), Event: r.Query("event"), Text: queryText(r), Few: r.Query("few") == "1"}
	if !slices.Contains([]string{"delivered", "failing", "waiting", "dead", "dropped"}, f.Result) {
		f.Result = ""
	}
	if _, known := event.Lookup(f.Event); !known {
		f.Event = ""
	}
	f.Zone, _ = clockZone(r, r.Query("zone"))
	f.From, f.To = typedClock(r.Query("from")), typedClock(r.Query("to"))
	f.UpTo, _ = strconv.ParseUint(r.Query("upto"), 10, 64)     // none is none
	f.Before, _ = strconv.ParseUint(r.Query("before"), 10, 64) // the same
	return f
}

// queryText is what somebody searches for.
func queryText(r *request) string {
	text := strings.TrimSpace(r.Query("q"))
	return strings.ToValidUTF8(text[:min(len(text), 200)], "")
}

// deliveryID reads the number of a delivery in the address.
func deliveryID(r *request) (uint64, error) {
	id, err := strconv.ParseUint(r.Params("did"), 10, 64)
	if err != nil {
		return 0, webhook.ErrNoDelivery
	}
	return id, nil
}

// showDelivery is one delivery with its attempts. What the event says is shown
// when somebody asks for it who may read it.
func (s *Server) showDelivery(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	id, err := deliveryID(r)
	if err != nil {
		return err
	}
	d, ev, err := s.Ledger.Delivery(r.UserContext(), in.ID, h.ID, id)
	if err != nil {
		return err
	}
	page := views.DeliveryPage{Instance: in, Webhook: h, Delivery: d, Event: ev}
	if r.Query("body") != "" && r.may(auth.RoleOperator) && ev.ID != "" {
		page.Body, page.Curl = indented(ev.Body), curlOf(h, d, ev)
		r.private = true
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Delivery(page))
}

// indented is JSON as people read it.
func indented(body []byte) string {
	var pretty bytes.Buffer
	if json.Indent(&pretty, body, "", "  ") != nil {
		return strings.ToValidUTF8(string(body), "\uFFFD")
	}
	return pretty.String()
}

// curlOf is the last call of a delivery as a command. It carries that call's
// signature; the values of the webhook's own headers stay masked.
func curlOf(h webhook.Webhook, d webhook.Delivery, ev event.Event) string {
	var b strings.Builder
	b.WriteString("curl -i " + quoted(h.URL))
	if d.Last != nil {
		for i, line := range strings.Split(d.Last.Request, "\n") {
			if i > 1 && !strings.HasPrefix(line, "Content-Length") { // after the request line and Host
				b.WriteString(" \\\n  -H " + quoted(line))
			}
		}
	}
	b.WriteString(" \\\n  --data-binary " + quoted(string(ev.Body)))
	return b.String()
}

// quoted makes one word of a POSIX shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// retryDelivery makes a delivery that waits due at once.
func (s *Server) retryDelivery(r *request) error {
	return s.actOnDelivery(r, "webhook.delivery.retry", "done.retrying", s.Ledger.RetryNow)
}

// replayDelivery sends the event of a delivery again.
func (s *Server) replayDelivery(r *request) error {
	return s.actOnDelivery(r, "webhook.delivery.replay", "done.replaying", s.Ledger.Replay)
}

func (s *Server) actOnDelivery(
	r *request, action, done string, act func(ctx context.Context, instanceID, id string, delivery uint64) error,
) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	id, err := deliveryID(r)
	if err != nil {
		return err
	}
	if err := act(r.UserContext(), in.ID, h.ID, id); err != nil {
		return err
	}
	s.record(r, action, "webhook:"+h.ID, map[string]string{"delivery": strconv.FormatUint(id, 10)})
	return s.redirectWith(r, path("instances", in.ID, "webhooks", h.ID, "deliveries"), ok(done))
}
