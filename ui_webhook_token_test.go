package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

// A new token is sent to a webhook from when its settings ask for it, and the
// holder of a token may not send events into the local network.
func TestUINewTokenGoesWhereItIsAskedFor(t *testing.T) {
	admin, g, _, hooks := startDoors(t)
	var tenant struct {
		BusinessID    string `json:"businessId"`
		BusinessToken string `json:"businessToken"`
	}
	admin.call(http.MethodPost, "/admin/business", map[string]any{"name": "Example Ltda"}, &tenant)
	at := "/business/" + tenant.BusinessID
	business := admin.as(tenant.BusinessToken)
	var made compatInstance
	business.call(http.MethodPost, at+"/instance", map[string]any{"instanceName": "shop"}, &made)
	id, token := made.InstanceID, made.Auth.JWT
	o := newOperator(t, g.Home)
	o.logIn()
	hook := "/instances/" + id + "/webhooks/" + o.addWebhook(id, "crm", hooks.URL)

	rotations := 0
	rotated := func() (sent string) {
		t.Helper()
		var answer struct {
			NewToken string `json:"newToken"`
		}
		business.call(http.MethodPatch, at+"/instance/"+id+"/refresh-token", map[string]any{"oldToken": token}, &answer)
		token = answer.NewToken
		rotations++
		calls := hooks.until(t, "new.jwt", func(calls []received) bool { return len(ofEvent(calls, "new.jwt")) == rotations })
		var body struct {
			Data struct {
				JWT    string `json:"jwt"`
				AuthID string `json:"authId"`
			}
		}
		last := ofEvent(calls, "new.jwt")[rotations-1]
		if err := json.Unmarshal(last.Body, &body); err != nil || body.Data.AuthID == "" {
			t.Errorf("%s, %v", last.Body, err)
		}
		return body.Data.JWT
	}
	if sent := rotated(); sent != "" {
		t.Error("a token was sent although nobody asked for it")
	}
	o.submit(o.get(hook), hook, url.Values{"include_token": {"on"}})
	if o.get(hook).Find("#include-token[checked]").Length() != 1 {
		t.Fatal("the setting is not kept")
	}
	if sent := rotated(); sent == "" || sent != token {
		t.Error("the new token was not sent")
	}

	local := map[string]any{"name": "n8n", "url": "http://192.168.0.5:5678/hook", "enabled": true}
	if status, refused := admin.as(token).try(http.MethodPost, "/instance/"+id+"/webhook", local, nil); status != 400 || refused == nil {
		t.Errorf("a local address by the instance's token: %d", status)
	}
	if status := admin.call(http.MethodPost, "/instance/"+id+"/webhook", local, nil); status != 201 {
		t.Errorf("a local address by the operator's key: %d", status)
	}
}

// ofEvent are the calls of one event.
func ofEvent(calls []received, name string) (list []received) {
	for _, c := range calls {
		if c.Event == name {
			list = append(list, c)
		}
	}
	return list
}
