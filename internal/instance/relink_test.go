package instance_test

import (
	"context"
	"encoding/json"
	"testing"

	"pombal/internal/event"
	"pombal/internal/instance/instancetest"
	"pombal/internal/webhook"
)

// Pair, log out, pair again on the same id, five times: each logout ends where
// pairing works, and webhooks with their toggles are the same bytes before and
// after.
func TestPairAndLogoutFiveTimesLeavesWebhooksAlone(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	before := storeWebhooks(t, h, in.ID)
	name := h.Get(in.ID).Name
	for round := range 5 {
		h.Pair(in.ID, phone)
		if res := h.Logout(in.ID); !res.Unlinked || !res.Erased {
			t.Fatalf("round %d: logout = %+v", round, res)
		}
		if after := readWebhooks(t, h, in.ID); after != before {
			t.Fatalf("round %d: webhooks were\n%s\nand are\n%s", round, before, after)
		}
	}
	if got := h.Get(in.ID); got.Name != name || got.ID != in.ID {
		t.Errorf("the instance became %s %s", got.ID, got.Name)
	}
	if left, err := h.Keys.Devices(context.Background()); err != nil || len(left) != 0 {
		t.Errorf("keys left behind: %v, %v", left, err)
	}
}

func storeWebhooks(t *testing.T, h *instancetest.House, instanceID string) string {
	t.Helper()
	toggles := webhook.AllToggles().With(event.PresenceUpdate, false).WithGroup(event.GroupGroups, false)
	for _, id := range []string{"hook-1", "hook-2"} {
		err := h.Store.CreateWebhook(context.Background(), webhook.Webhook{
			ID: id, InstanceID: instanceID, Name: id, URL: "https://crm.example/hook", Enabled: id == "hook-1",
			Events: webhook.Events{ID: "ev-" + id, Toggles: toggles}, Secret: "whsec_x", Rev: 3,
		})
		if err != nil {
			t.Fatal(err)
		}
		toggles = webhook.AllToggles()
	}
	return readWebhooks(t, h, instanceID)
}

func readWebhooks(t *testing.T, h *instancetest.House, instanceID string) string {
	t.Helper()
	list, err := h.Store.Webhooks(context.Background(), instanceID)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
