package whatsapp_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/appstate"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/safehttp"
	"pombal/internal/wasim"
	"pombal/internal/webhook"
)

// call is one webhook call as it came over the wire.
type call struct {
	header http.Header
	body   []byte
	event  string
	data   json.RawMessage
}

// rig is a house with one linked instance, its network, and a receiver that
// gets what the real dispatcher and sender send.
type rig struct {
	*instancetest.House
	in    instance.Instance
	phone *wasim.Phone // the linked account
	nina  *wasim.Phone // somebody else
	hook  webhook.Webhook

	dispatcher      *webhook.Dispatcher
	closeDispatcher func()
	mu              sync.Mutex
	calls           []call
}

// patience is how long a test waits for something that must happen, on a machine
// that is busy with much else.
const patience = time.Minute

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// newRig builds the house without linking the instance. The webhook wants the
// types that are given.
func newRig(t *testing.T, opts instancetest.Options, types ...event.Type) *rig {
	t.Helper()
	r := &rig{}
	server := httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(server.Close)
	wake := make(chan struct{}, 1)
	opts.After = func([]event.Event) {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	r.House = instancetest.New(t, opts)
	r.in = r.Create("shop-front")
	r.phone = r.Network.NewPhone("5511987650001", "Shop Front")
	r.nina = r.Network.NewPhone("5521998880002", "Nina")
	r.hook = webhook.Webhook{
		ID: "hook", InstanceID: r.in.ID, Name: "crm", URL: server.URL + "/in", Enabled: true, Secret: hookSecret,
		CreatedAt: time.Now(), UpdatedAt: time.Now(),
	}
	for _, typ := range types {
		r.hook.Events.Toggles = r.hook.Events.Toggles.With(typ, true)
	}
	r.must(r.Store.CreateWebhook(context.Background(), r.hook))
	r.dispatch(wake, strings.TrimPrefix(server.URL, "http://"))
	return r
}

func (r *rig) must(err error) {
	r.T.Helper()
	if err != nil {
		r.T.Fatal(err)
	}
}

// dispatch runs the real dispatcher against the receiver.
func (r *rig) dispatch(wake <-chan struct{}, host string) {
	outbound := safehttp.New(safehttp.Policy{AllowHostPorts: []string{host}})
	r.dispatcher = webhook.NewDispatcher(webhook.DispatcherDeps{
		Outbox: r.Store, Sender: webhook.NewSender(outbound, "test", time.Now),
	})
	r.must(r.dispatcher.Start(context.Background()))
	stop := make(chan struct{})
	var waker sync.WaitGroup
	waker.Go(func() {
		for {
			select {
			case <-wake:
				r.dispatcher.Wake()
			case <-stop:
				return
			}
		}
	})
	r.closeDispatcher = sync.OnceFunc(func() {
		close(stop)
		waker.Wait()
		if err := r.dispatcher.Close(context.Background()); err != nil {
			r.T.Errorf("close the dispatcher: %v", err)
		}
		outbound.Close()
	})
	r.T.Cleanup(r.closeDispatcher)
}

func (r *rig) receive(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	var envelope struct {
		Event string          `json:"event"`
		Data  json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call{header: req.Header.Clone(), body: body, event: envelope.Event, data: envelope.Data})
}

// received lists the calls so far.
func (r *rig) received() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.calls...)
}

// want switches a type on or off.
func (r *rig) want(t event.Type, on bool) {
	r.T.Helper()
	_, err := r.Store.UpdateWebhook(context.Background(), r.in.ID, r.hook.ID, func(w *webhook.Webhook) error {
		w.Events.Toggles = w.Events.Toggles.With(t, on)
		return nil
	})
	r.must(err)
}

// wants says whether the webhook wants a type.
func (r *rig) wants(t event.Type) bool {
	r.T.Helper()
	wanted, err := r.Store.EventWanted(context.Background(), r.in.ID, t)
	r.must(err)
	return wanted
}

// link pairs the instance and waits until the phone's first state is here.
func (r *rig) link() {
	r.T.Helper()
	device := r.Pair(r.in.ID, r.phone)
	r.eventually("the first state", func() bool { return r.Get(r.in.ID).WhatsApp.PushName != "" })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.must(r.Network.WaitSettled(ctx, device))
	// What changes before a collection counts as synced is part of the first
	// state, of which nothing is told.
	kept, err := r.Keys.Device(ctx, device)
	r.must(err)
	for _, name := range appstate.AllPatchNames {
		r.eventually("the collection "+string(name), func() bool {
			version, _, err := kept.AppState.GetAppStateVersion(ctx, string(name))
			r.must(err)
			return version > 0
		})
	}
}

// eventually waits for what no signal tells of.
func (r *rig) eventually(what string, cond func() bool) {
	r.T.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.T.Fatalf("waited for %s; calls: %s", what, r.names())
		}
	}
}

func (r *rig) names() string {
	var names []string
	for _, c := range r.received() {
		names = append(names, c.event)
	}
	return strings.Join(names, ", ")
}

// recorded lists the recorded events of a type.
func (r *rig) recorded(t event.Type) []event.Event {
	r.T.Helper()
	var list []event.Event
	for _, ev := range r.Events(r.in.ID) {
		if ev.Type == t {
			list = append(list, ev)
		}
	}
	return list
}
