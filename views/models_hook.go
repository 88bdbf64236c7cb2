package views

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// HookCare is what a webhook's page shows beside its form.
type HookCare struct {
	Health webhook.Health
	Dead   int                // dead letters that were not sent again
	Seen   map[event.Type]int // events of the last day, wanted or not
	Trial  *webhook.Trial     // right after a test event was sent
	Lookup DeliveryFilter
}

// HookSettings is how a form shows webhook.Settings.
type HookSettings struct {
	Ordering string
	Headers  string // lines, values masked
	Timeout  string // seconds
	Skip     bool   // accept any certificate
	Token    bool   // send a new instance token along
}

// SettingsOf shows what is stored.
func SettingsOf(w webhook.Webhook) HookSettings {
	s := HookSettings{Ordering: string(w.Ordering), Headers: w.Headers.Masked(), Skip: w.SkipVerify, Token: w.IncludeToken}
	if w.Timeout != 0 {
		s.Timeout = fmt.Sprint(int(w.Timeout.Seconds()))
	}
	return s
}

// DeliveryFilter is what a list of deliveries was asked for, as typed.
type DeliveryFilter struct {
	Result, Event, Text string
	From, To, Zone      string // of queueing; Zone "" means UTC
	UpTo                uint64 // newer ones are counted, not shown
	Before              uint64
	Few                 bool // a few of them, as the page of the webhook has
	New                 int  // newer ones than UpTo
	More                bool // there are older ones
}

// url is the address of the list with the filter.
func (f DeliveryFilter) url(base string, more ...string) string {
	v := url.Values{}
	for name, value := range map[string]string{
		"result": f.Result, "event": f.Event, "q": f.Text, "from": f.From, "to": f.To, "zone": f.zone(),
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if f.Few {
		v.Set("few", "1")
	}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	if len(v) == 0 {
		return base
	}
	return base + "?" + v.Encode()
}

// whole gives the filter with all lines of a page.
func (f DeliveryFilter) whole() DeliveryFilter { f.Few = false; return f }

// zone is the zone of the filter's times, "" where it names none.
func (f DeliveryFilter) zone() string {
	if f.From == "" && f.To == "" {
		return ""
	}
	return f.Zone
}

// any says whether anything is left out.
func (f DeliveryFilter) any() bool {
	return f.Result != "" || f.Event != "" || f.Text != "" || f.From != "" || f.To != ""
}

// deliveryResults are the choices of the filter, in its order.
func deliveryResults() []string {
	return []string{"", "delivered", "failing", "waiting", "dead", "dropped"}
}

// DeliveriesPage is the ledger of one webhook.
type DeliveriesPage struct{ WebhookPage }

// DeliveryPage is one delivery with its attempts.
type DeliveryPage struct {
	Page
	Instance instance.Instance
	Webhook  webhook.Webhook
	Delivery webhook.Delivery
	Event    event.Event
	Body     string // indented; only when it was asked for
	Curl     string // only with Body
}

// ReplayPage asks before a span of time is sent again.
type ReplayPage struct {
	Page
	Instance instance.Instance
	Webhook  webhook.Webhook
	Health   webhook.Health
	Dead     int
	From, To string // as typed
	Zone     string // of these; "" means UTC
	Since    bool   // everything since the last success
	Counted  bool
	Count    int
	Errors   FieldErrors
}

// RotatePage asks before a webhook gets a new secret.
type RotatePage struct {
	Page
	Instance instance.Instance
	Webhook  webhook.Webhook
}

// PresetPage shows what a preset would change.
type PresetPage struct {
	Page
	Instance instance.Instance
	Webhook  webhook.Webhook
	Preset   string
	On, Off  []event.Type // what would be switched
	Seen     map[event.Type]int
	After    webhook.Toggles
}

// SamplePage shows what an event of a type looks like.
type SamplePage struct {
	Page
	Instance instance.Instance
	Webhook  webhook.Webhook
	Type     string
	Body     string
}

// CatchPage lists what an instance's catch address received.
type CatchPage struct {
	Page
	Instance instance.Instance
	URL      string
	Caught   []webhook.Caught
	Before   uint64 // only what is older than this one; 0 is all
	More     bool   // there are older ones
}

// query is the address of the list with what is older than a request, 0 for all.
func (p CatchPage) query(before uint64) string {
	base := instanceURL(p.Instance.ID, "catch")
	if before == 0 {
		return base
	}
	return base + "?before=" + fmt.Sprint(before)
}

// CaughtPage is one request that a catch address received.
type CaughtPage struct {
	Page
	Instance instance.Instance
	Caught   webhook.Caught // without head and body for who may not read them
}

// EventsPage is the event log.
type EventsPage struct {
	Page
	Instance  *instance.Instance  // nil: of all
	Instances []instance.Instance // for the filter
	Rows      []event.Event
	Outcomes  map[string]webhook.Outcome // of the rows, by event
	Type      string
	Text      string
	UpTo      string // paused at this id
	New       int    // newer ones while paused
	Before    string
	More      bool
}

// EventPage is one event.
type EventPage struct {
	Page
	Instance instance.Instance
	Event    event.Event
	Body     string // indented; only when it was asked for
}

// name gives the name of an instance of the page.
func (p EventsPage) name(id string) string {
	for _, in := range p.Instances {
		if in.ID == id {
			return in.Name
		}
	}
	return id
}

// base is the address of the log.
func (p EventsPage) base() string {
	if p.Instance != nil {
		return instanceURL(p.Instance.ID, "events")
	}
	return "/events"
}

// query is the address of the log with its filter.
func (p EventsPage) query(path string, more ...string) string {
	v := url.Values{}
	if p.Type != "" {
		v.Set("type", p.Type)
	}
	if p.Text != "" {
		v.Set("q", p.Text)
	}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// posts is how many calls a day the toggles would bring, after the last one.
func posts(on webhook.Toggles, seen map[event.Type]int) int {
	n := 0
	for t, count := range seen {
		if on.Has(t) {
			n += count
		}
	}
	return n
}

// dot is how a webhook fares: a tone of a badge and a catalogue key.
func dot(w webhook.Webhook, h webhook.Health) (tone, key string) {
	switch {
	case !w.Stopped.IsZero():
		return "bad", "health.stopped"
	case !w.Enabled:
		return "idle", "health.off"
	case h.LastSuccess.IsZero() && h.LastFailure.IsZero():
		return "idle", "health.unknown"
	case h.Failures >= 3:
		return "bad", "health.failing"
	case h.Failures > 0:
		return "warn", "health.shaky"
	default:
		return "ok", "health.good"
	}
}

// rate is the share of attempts of the last day that succeeded, "" without any.
func (p Page) rate(h webhook.Health) string {
	good, bad := h.Day(p.Now)
	if good+bad == 0 {
		return ""
	}
	// A failure among a thousand must not look like none.
	share := float64(good) * 100 / float64(good+bad)
	if text := fmt.Sprintf("%.1f", share); bad > 0 && text == "100.0" {
		return "99.9 %"
	} else {
		return strings.TrimSuffix(text, ".0") + " %"
	}
}

// splitParts are the parts of a call's time that took some.
func splitParts(a webhook.Attempt) []splitPart {
	var parts []splitPart
	for _, part := range []splitPart{
		{"split.dns", a.Split.DNS}, {"split.connect", a.Split.Connect}, {"split.tls", a.Split.TLS},
		{"split.first", a.Split.FirstByte}, {"split.all", a.Took},
	} {
		if part.Took > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}

type splitPart struct {
	Label string
	Took  time.Duration
}
