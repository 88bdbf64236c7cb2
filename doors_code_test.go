package main

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// The code of connect/code, typed on the phone, links the number.
func TestCodeChatPairingCode(t *testing.T) {
	admin, _, network, _ := startDoors(t)
	phone := network.NewPhone("5511987650001", "Shop Front")
	var tenants []struct {
		BusinessID string `json:"businessId"`
	}
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	var in compatInstance
	admin.call(http.MethodPost, "/business/"+tenants[0].BusinessID+"/instance", map[string]any{}, &in)
	var answer struct{ Code string }
	admin.call(http.MethodPost, "/instance/"+in.InstanceID+"/connect/code", map[string]any{"phoneNumber": "+55 11 98765-0001"}, &answer)
	if len(answer.Code) != 9 || answer.Code[4] != '-' {
		t.Fatalf("code = %q", answer.Code)
	}
	if _, err := phone.EnterCode(context.Background(), answer.Code); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(limit)
	for in.Connection != "open" {
		if time.Now().After(deadline) {
			t.Fatalf("it does not open: %+v", in)
		}
		time.Sleep(20 * time.Millisecond)
		admin.call(http.MethodGet, "/instance/"+in.InstanceID, nil, &in)
	}
}
