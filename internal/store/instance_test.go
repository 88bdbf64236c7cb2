package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/store/storetest"
	"pombal/internal/webhook"
)

func TestCreateInstanceRefuses(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	tests := []struct {
		name string
		in   instance.Instance
		want error // nil: any
	}{
		{"same id", instance.Instance{ID: "a", Name: "other"}, instance.ErrIDTaken},
		{"same name", instance.Instance{ID: "b", Name: "Name of a"}, instance.ErrNameTaken},
		{"same name in capitals", instance.Instance{ID: "b", Name: "NAME OF A"}, instance.ErrNameTaken},
		{"no id", instance.Instance{Name: "x"}, nil},
		{"id with a separator", instance.Instance{ID: "a\x00b", Name: "x"}, nil},
		{"id in capitals", instance.Instance{ID: "A", Name: "x"}, nil},
		{"long id", instance.Instance{ID: string(make([]byte, 65)), Name: "x"}, nil},
	}
	for _, tt := range tests {
		_, err := db.CreateInstance(t.Context(), tt.in)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	list, err := db.Instances(t.Context())
	if err != nil || len(list) != 1 {
		t.Errorf("instances: got %v, %v", list, err)
	}
}

func TestUpdateInstanceShowsTheStateAfterTheChange(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "hook")
	in, recorded, err := db.UpdateInstance(t.Context(), "a", func(in *instance.Instance) ([]event.Draft, error) {
		in.Status.Phase = instance.PhaseConnected
		in.WhatsApp = &instance.WhatsApp{ID: "1", JID: "55@s.whatsapp.net"}
		return []event.Draft{{InstanceID: "a", Type: event.ConnectionUpdate, Data: event.ConnectionData{State: "open"}}}, nil
	})
	if err != nil || len(recorded) != 1 {
		t.Fatalf("update: %v, %d events", err, len(recorded))
	}
	wantEqual(t, "phase", in.Status.Phase, instance.PhaseConnected)
	wantEqual(t, "body", string(next(t, db, "hook").Event.Body), string(recorded[0].Body))
	stored, err := db.Instance(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "stored phase", stored.Status.Phase, instance.PhaseConnected)
	wantEqual(t, "stored jid", stored.WhatsApp.JID, "55@s.whatsapp.net")
}

func TestUpdateInstanceStoresAllOrNothing(t *testing.T) {
	t.Parallel()
	refusal := errors.New("refusal")
	newName := func(name string) func(*instance.Instance) ([]event.Draft, error) {
		return func(in *instance.Instance) ([]event.Draft, error) {
			in.Name = name
			in.Rev++
			return []event.Draft{{InstanceID: in.ID, Type: event.NewJWT}}, nil
		}
	}
	tests := []struct {
		name   string
		id     string
		change func(*instance.Instance) ([]event.Draft, error)
		want   error // nil: any
	}{
		{"refused by the change", "a", func(in *instance.Instance) ([]event.Draft, error) { in.Rev = 9; return nil, refusal }, refusal},
		{"name of another", "a", newName("name of B"), instance.ErrNameTaken},
		{"no name", "a", newName(""), nil},
		{"unknown", "x", newName("x"), instance.ErrNotFound},
		{"another id", "a", func(in *instance.Instance) ([]event.Draft, error) { in.ID = "c"; return nil, nil }, nil},
		{"event of another", "a", func(in *instance.Instance) ([]event.Draft, error) {
			in.Rev = 9
			return []event.Draft{{InstanceID: "b", Type: event.NewJWT}}, nil
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.Open(t)
			newInstance(t, db, "a")
			newInstance(t, db, "b")
			_, recorded, err := db.UpdateInstance(t.Context(), tt.id, tt.change)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error: got %v, want %v", err, tt.want)
			}
			wantEqual(t, "events", len(recorded), 0)
			in, err := db.Instance(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, "rev", in.Rev, 0)
			wantEqual(t, "name", in.Name, "Name of a")
			if list, err := db.NewestEvents(t.Context(), "a", 5); err != nil || len(list) != 0 {
				t.Errorf("events: got %v, %v", list, err)
			}
		})
	}
}

func TestRenamingFreesTheOldName(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	for _, name := range []string{"NAME OF A", "Padaria São João"} {
		_, _, err := db.UpdateInstance(t.Context(), "a", func(in *instance.Instance) ([]event.Draft, error) {
			in.Name = name
			return nil, nil
		})
		if err != nil {
			t.Fatalf("rename to %s: %v", name, err)
		}
	}
	newInstance(t, db, "b")
	for name, want := range map[string]error{"name OF a": nil, "padaria são joÃo": instance.ErrNameTaken} {
		_, err := db.CreateInstance(t.Context(), instance.Instance{ID: fmt.Sprintf("c%d", len(name)), Name: name})
		if !errors.Is(err, want) {
			t.Errorf("create %q: got %v, want %v", name, err, want)
		}
	}
}

func TestDeletedInstanceIsHiddenButDelivers(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "hook")
	key := auth.APIKey{ID: "k1", InstanceID: "a", Hash: "h1", ClientID: "c1"}
	if err := db.CreateAPIKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	remove(t, db, "a", event.Draft{InstanceID: "a", Type: event.StateInstance, Data: event.StateData{State: "deleted"}})

	_, errInstance := db.Instance(t.Context(), "a")
	_, _, errUpdate := db.UpdateInstance(t.Context(), "a", func(*instance.Instance) ([]event.Draft, error) { return nil, nil })
	_, errList := db.Webhooks(t.Context(), "a")
	_, errHook := db.Webhook(t.Context(), "a", "hook")
	_, errChange := db.UpdateWebhook(t.Context(), "a", "hook", func(*webhook.Webhook) error { return nil })
	for name, tt := range map[string]struct{ got, want error }{
		"instance":       {errInstance, instance.ErrNotFound},
		"update":         {errUpdate, instance.ErrNotFound},
		"webhooks":       {errList, instance.ErrNotFound},
		"webhook":        {errHook, webhook.ErrNotFound},
		"update webhook": {errChange, webhook.ErrNotFound},
		"delete webhook": {db.DeleteWebhook(t.Context(), "a", "hook"), webhook.ErrNotFound},
		"create webhook": {db.CreateWebhook(t.Context(), webhook.Webhook{ID: "h2", InstanceID: "a"}), instance.ErrNotFound},
		"create key":     {db.CreateAPIKey(t.Context(), auth.APIKey{ID: "k2", InstanceID: "a", Hash: "h2"}), instance.ErrNotFound},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, tt.got, tt.want)
		}
	}
	if _, err := db.APIKeyByHash(t.Context(), "h1"); !errors.Is(err, auth.ErrNoSuch) {
		t.Errorf("key of the deleted instance: got %v", err)
	}
	job := next(t, db, "hook")
	if job.Gone || job.Event.Type != event.StateInstance {
		t.Errorf("last delivery: got %+v", job)
	}
}

func TestIDOfADeletedInstanceIsFreeOnceNothingWaits(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "hook")
	record(t, db, message("a", "m1"))
	remove(t, db, "a")
	again := instance.Instance{ID: "a", Name: "Name of a", CreatedAt: start}
	if _, err := db.CreateInstance(t.Context(), again); !errors.Is(err, instance.ErrIDTaken) {
		t.Fatalf("create while something waits: got %v", err)
	}
	d := next(t, db, "hook").Delivery
	d.Status = webhook.StatusDelivered
	if err := db.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if _, err := db.CreateInstance(t.Context(), again); err != nil {
		t.Fatalf("create afterwards: %v", err)
	}
	hooks, err := db.Webhooks(t.Context(), "a")
	if err != nil || len(hooks) != 0 {
		t.Errorf("webhooks of the predecessor: got %v, %v", hooks, err)
	}
	log, err := db.Deliveries(t.Context(), "hook", 10)
	if err != nil || len(log) != 0 {
		t.Errorf("log of the predecessor: got %v, %v", log, err)
	}
	recorded := record(t, db, message("a", "m1"))
	if len(recorded) != 1 || recorded[0].Seq != 1 {
		t.Errorf("first event of the new instance: got %+v", recorded)
	}
}

func TestInstancesAndBusinessesComeOldestFirst(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for i, id := range []string{"c", "a", "b"} {
		at := start.Add(time.Duration(i) * time.Minute)
		if _, err := db.CreateInstance(t.Context(), instance.Instance{ID: id, Name: id, CreatedAt: at}); err != nil {
			t.Fatal(err)
		}
		if err := db.CreateBusiness(t.Context(), instance.Business{ID: id, CreatedAt: at}); err != nil {
			t.Fatal(err)
		}
	}
	instances, err := db.Instances(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	businesses, err := db.Businesses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"c", "a", "b"} {
		wantEqual(t, "instance", instances[i].ID, want)
		wantEqual(t, "business", businesses[i].ID, want)
	}
	if err := db.CreateBusiness(t.Context(), instance.Business{ID: "a"}); problem.KindOf(err) != problem.Conflict {
		t.Errorf("second business with an id: got %v", err)
	}
	if _, err := db.Business(t.Context(), "x"); problem.KindOf(err) != problem.NotFound {
		t.Errorf("unknown business: got %v", err)
	}
}
