package web_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
	"pombal/web"
	"pombal/web/webtest"
)

// crowd makes up a house as people fill it: nothing in it repeats more than it
// does in life, because what repeats hardly counts on a compressed page. It
// makes the same house each time.
type crowd struct {
	rand *rand.Rand
	now  time.Time
}

func newCrowd(now time.Time) *crowd { return &crowd{rand.New(rand.NewPCG(7, 42)), now} }

func (c *crowd) of(list ...string) string { return list[c.rand.IntN(len(list))] }

// ago is a moment within the last span, most of them near its end, as the last
// signs of life of many instances are.
func (c *crowd) ago(span time.Duration) time.Time {
	part := c.rand.Float64()
	return c.now.Add(-time.Duration(part * part * part * float64(span)))
}

// id is as event.NewID makes it, at a time in the past.
func (c *crowd) id(at time.Time) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16|uint64(c.rand.IntN(1<<12)))
	binary.BigEndian.PutUint64(id[8:], c.rand.Uint64())
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id.String()
}

func (c *crowd) digits(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(byte('0' + c.rand.IntN(10)))
	}
	return b.String()
}

func (c *crowd) phone() string {
	switch c.rand.IntN(5) {
	case 0:
		return "91" + c.of("98", "97", "99", "88", "70") + c.digits(8)
	case 1:
		return "34" + c.of("6", "7") + c.digits(8)
	case 2:
		return "1" + c.of("212", "415", "786", "305") + c.digits(7)
	default:
		return "55" + c.of("11", "21", "31", "41", "48", "51", "61", "71", "81", "85") + "9" + c.digits(8)
	}
}

func (c *crowd) place() string {
	return c.of("Centro", "Pinheiros", "Moema", "Delhi", "Mumbai", "Recife", "Lisboa", "Madrid", "Sur", "Zona Norte", "Savassi",
		"Bengaluru", "Boa Viagem", "Campinas", "Barra", "Pune", "Austin", "Miami", "Kochi", "Natal", "Jaipur", "Itajaí")
}

func (c *crowd) person() string {
	return c.of("Ana", "João", "Priya", "Rahul", "Marta", "Luís", "Beatriz", "Arjun", "Carmen", "Rafael", "Sneha", "Paulo", "Inês",
		"Vikram", "Lucía", "Tiago", "Meera", "Diego", "Fátima", "Kavya") + " " +
		c.of("Silva", "Sharma", "García", "Souza", "Patel", "Ferreira", "Iyer", "Martínez", "Oliveira", "Reddy", "Costa", "Nair")
}

func (c *crowd) business() string {
	return c.of("Padaria", "Clínica", "Ótica", "Pet Shop", "Farmácia", "Auto Peças", "Studio", "Escola", "Imobiliária", "Café") + " " +
		c.of("São Bento", "Bela Vista", "Aurora", "Central", "Vida Nova", "Três Irmãos", "do Porto", "Estrela", "Lotus", "Prime")
}

// name is a new name of an instance.
func (c *crowd) name(taken map[string]bool) string {
	for {
		name := c.of("Vendas", "Support", "Loja", "Atendimento", "Cobrança", "Sales", "Marketing", "Entregas", "Recepção",
			"Front desk", "Billing", "Soporte", "Reservas") + " " + c.place()
		switch c.rand.IntN(6) {
		case 0:
			name = c.person()
		case 1:
			name = c.business()
		}
		if !taken[name] {
			taken[name] = true
			return name
		}
	}
}

// phase is connected for four of five.
func (c *crowd) phase() instance.Phase {
	if c.rand.IntN(5) > 0 {
		return instance.PhaseConnected
	}
	list := instance.Phases()
	return list[c.rand.IntN(len(list))]
}

func (c *crowd) instance(taken map[string]bool) instance.Instance {
	made := c.now.Add(-time.Duration(c.rand.Int64N(int64(400 * 24 * time.Hour))))
	in := instance.Instance{ID: c.id(made), Name: c.name(taken), State: instance.Active, CreatedAt: made, UpdatedAt: c.now,
		Status: instance.Status{Phase: c.phase(), Since: c.ago(20 * 24 * time.Hour)}}
	if in.Status.Phase == instance.PhaseStopped {
		in.State = instance.Inactive
	}
	for _, tag := range []string{"vendas", "vip", "india", "suporte", "filial", "beta"} {
		if c.rand.IntN(6) == 0 {
			in.Tags = append(in.Tags, tag)
		}
	}
	switch in.Status.Phase {
	case instance.PhaseNew, instance.PhaseQR, instance.PhaseCode, instance.PhasePasskey, instance.PhasePairFailed, instance.PhaseLinkExpired:
		return in
	}
	in.WhatsApp = webtest.Linked(c.phone())
	in.WhatsApp.PushName, in.SeenAt = c.person(), c.ago(3*24*time.Hour)
	if c.rand.IntN(3) == 0 {
		in.WhatsApp.PushName = in.Name
	}
	return in
}

// fill puts n instances into the kit, each with one to three webhooks, and 60
// deliveries for each webhook of the first.
func (c *crowd) fill(k *webtest.Kit, n int) []instance.Instance {
	taken := make(map[string]bool)
	var all []instance.Instance
	for i := range n {
		in := c.instance(taken)
		if i == 0 {
			in.Status, in.WhatsApp = webtest.Connected(), webtest.Linked(c.phone())
		}
		all = append(all, k.Instances.Put(in))
		for range 1 + c.rand.IntN(3) {
			c.fillHook(k, c.hook(in), i == 0)
		}
	}
	return all
}

func (c *crowd) fillHook(k *webtest.Kit, h webhook.Webhook, busy bool) {
	k.Webhooks.Put(h)
	for n := range 60 {
		if busy {
			k.Webhooks.Deliver(c.delivery(h, n))
		}
	}
}

// fillAccount adds API keys and browsers that are signed in.
func (c *crowd) fillAccount(t *testing.T, k *webtest.Kit) {
	t.Helper()
	agents := []string{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"}
	for range 12 {
		_, _, err := k.Auth.OpenSession(t.Context(), "", auth.SessionParams{Address: "203.0.113." + c.digits(2), UserAgent: c.of(agents...)})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 25 {
		k.Auth.PutKey(auth.APIKey{ID: c.id(c.ago(300 * 24 * time.Hour)), Name: c.business(), ClientID: "client-" + c.digits(16),
			Scopes: auth.Scopes()[:1+c.rand.IntN(len(auth.Scopes()))], CreatedBy: webtest.Email, CreatedAt: c.ago(300 * 24 * time.Hour),
			UsedAt: c.ago(48 * time.Hour), UsedFrom: "198.51.100." + c.digits(2)})
	}
}

func (c *crowd) hook(in instance.Instance) webhook.Webhook {
	host := c.of("crm", "hooks", "api", "n8n", "flows") + "." + c.of("acme", "lojas", "shopline", "cadastro") + ".example"
	return webhook.Webhook{ID: c.id(c.ago(300 * 24 * time.Hour)), InstanceID: in.ID, Name: c.of("crm", "n8n", "prod", "backup", "bi") + "-" + c.digits(2),
		URL: "https://" + host + "/in/" + c.digits(9), Enabled: c.rand.IntN(6) > 0, Events: webhook.Events{Toggles: webhook.AllToggles()}}
}

func (c *crowd) delivery(h webhook.Webhook, n int) webhook.Delivery {
	at := c.now.Add(time.Duration(n-60) * time.Duration(20+c.rand.IntN(90)) * time.Second)
	d := webhook.Delivery{ID: uint64(48100 + n), WebhookID: h.ID, EventID: c.id(at), EventType: c.event(), EventSeq: uint64(90210 + 2*n),
		QueuedAt: at, Status: webhook.StatusDelivered, Attempts: 1,
		Last: &webhook.Attempt{At: at, Took: time.Duration(20+c.rand.IntN(900)) * time.Millisecond, StatusCode: 200, Response: "ok"}}
	switch c.rand.IntN(8) {
	case 0:
		d.Status, d.Attempts, d.NextAt = webhook.StatusPending, 1+c.rand.IntN(6), c.now.Add(time.Duration(c.rand.IntN(900))*time.Second)
		d.Last.StatusCode, d.Last.Response = 503, "<html><h1>503 Service Temporarily Unavailable</h1></html>"
	case 1:
		d.Status, d.Reason, d.Attempts = webhook.StatusDead, "delivery.gave_up", 9
		d.Last.StatusCode, d.Last.Error, d.Last.Response = 0, "timeout", ""
	}
	return d
}

// fillCatch puts as many caught calls as are kept into the receiver inside the
// program, with heads and bodies as they come, and gives the newest.
func (c *crowd) fillCatch(k *webtest.Kit, instanceID string) (newest webhook.Caught) {
	for n := range webhook.CatchKept {
		t, at := c.event(), c.now.Add(time.Duration(n-webhook.CatchKept)*time.Duration(20+c.rand.IntN(90))*time.Second)
		id := c.id(at)
		body := fmt.Sprintf(`{"event":"%s","instance":{"name":"%s","ownerJid":"%s@s.whatsapp.net"},"data":%s}`, t, c.place(), c.phone(), webhook.Sample(t))
		head := []string{"Content-Type: application/json", "User-Agent: Pombal/1.4.0", "webhook-id: " + id,
			fmt.Sprintf("webhook-timestamp: %d", at.Unix()), "webhook-signature: v1," + c.digits(43) + "="}
		newest = k.Catch.Put(instanceID, webhook.Caught{At: at, Event: string(t), EventID: id, Webhook: c.of("crm", "n8n", "prod") + "-" + c.digits(2),
			Verdict: webhook.Verdicts()[c.rand.IntN(8)/4*c.rand.IntN(5)], Head: strings.Join(head, "\n"), Body: body, Size: len(body)})
	}
	return newest
}

func (c *crowd) event() event.Type {
	list := event.All()
	if c.rand.IntN(3) > 0 {
		return event.MessagesUpsert
	}
	return list[c.rand.IntN(len(list))].Type
}

// crowdHouse is a house in which each instance has been through much.
type crowdHouse struct {
	web.Instances
	*crowd
}

func (h crowdHouse) Timeline(_ context.Context, id string, limit int) ([]instance.Moment, error) {
	var list []instance.Moment
	at := h.now
	for range limit {
		at = at.Add(-time.Duration(h.rand.IntN(9_000_000)) * time.Millisecond)
		m := instance.Moment{InstanceID: id, At: at, Kind: instance.MomentPhase, Phase: h.phase(), Actor: instance.ActorWhatsApp}
		if m.Phase != instance.PhaseConnected {
			list := instance.Reasons()
			m.Reason = list[h.rand.IntN(len(list))]
		}
		if h.rand.IntN(4) == 0 {
			m.Actor = "user:" + webtest.Email
		}
		list = append(list, m)
	}
	return list, nil
}

func (h crowdHouse) Availability(_ context.Context, _ string, window time.Duration, slots int) (instance.Availability, error) {
	a := instance.Availability{Window: window, Wanted: window, Online: window * 97 / 100}
	part := window / time.Duration(slots)
	for i := range slots {
		s := instance.Slot{From: h.now.Add(time.Duration(i-slots) * part), Wanted: part, Online: part}
		if h.rand.IntN(4) == 0 {
			s.Online = part * time.Duration(h.rand.IntN(100)) / 100
		}
		a.Bar = append(a.Bar, s)
	}
	return a, nil
}

// crowdLedger is one in which every webhook has had good and bad hours.
type crowdLedger struct {
	ledger
	*crowd
}

type ledger = web.Ledger // under another name than its method

func (l crowdLedger) Health(context.Context, string, string) (webhook.Health, error) {
	h := webhook.Health{LastSuccess: l.ago(time.Hour)}
	for n := range 24 {
		h.Hours = append(h.Hours, webhook.Hour{Start: l.now.Unix()/3600 - int64(23-n), Good: l.rand.IntN(900), Bad: l.rand.IntN(9)})
	}
	if l.rand.IntN(3) == 0 {
		h.LastFailure, h.FailingSince, h.Failures = l.ago(time.Hour), l.ago(5*time.Hour), 1+l.rand.IntN(400)
	}
	return h, nil
}

func (l crowdLedger) CountDead(context.Context, string, string) (int, error) {
	return l.rand.IntN(50), nil
}

// crowdLog is an event log in which every instance has something.
type crowdLog struct {
	*crowd
	all []instance.Instance
}

func (l *crowdLog) Events(context.Context, string, uint64, int) ([]event.Event, error) {
	return nil, nil
}

func (l *crowdLog) EventsSeen(context.Context, string, time.Time) (map[event.Type]int, error) {
	seen := make(map[event.Type]int)
	for _, info := range event.All() {
		seen[info.Type] = l.rand.IntN(l.rand.IntN(700) + 1)
	}
	return seen, nil
}

func (l *crowdLog) EventLog(_ context.Context, q event.LogQuery) ([]event.Event, error) {
	var list []event.Event
	at := l.now
	for range q.Limit {
		at = at.Add(-time.Duration(l.rand.IntN(90_000)) * time.Millisecond)
		in := l.all[l.rand.IntN(len(l.all))]
		body := fmt.Sprintf(`{"data":{"key":{"remoteJid":"%s@s.whatsapp.net","fromMe":%t,"id":"3EB0%s"},"messageType":"%s","pushName":"%s","text":"%s"}}`,
			l.phone(), l.rand.IntN(3) == 0, l.digits(18), l.of("conversation", "imageMessage", "audioMessage"), l.person(), strings.Repeat("x", l.rand.IntN(900)))
		list = append(list, event.Event{ID: l.id(at), Seq: uint64(l.rand.IntN(99999)), InstanceID: in.ID, Type: l.event(), At: at, Body: []byte(body)})
	}
	return list, nil
}

func (l *crowdLog) EventOutcomes(_ context.Context, list []event.Event) (map[string]webhook.Outcome, error) {
	out := make(map[string]webhook.Outcome)
	for _, ev := range list {
		out[ev.ID] = webhook.Outcome{Delivered: 1 + l.rand.IntN(2), Dead: l.rand.IntN(12) / 11}
	}
	return out, nil
}
