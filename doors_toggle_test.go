package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/wasim"
)

// Nineteen webhooks are made through the door, each with one toggle on and the
// others off, and the network causes every type of event: each webhook hears of
// its own and of nothing else.
func TestCodeChatToggles(t *testing.T) {
	admin, _, network, hooks := startDoors(t)
	ctx := context.Background()
	phone, nina := network.NewPhone("5511987650001", "Shop Front"), network.NewPhone("5521998880002", "Nina")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var tenants []struct {
		BusinessID string `json:"businessId"`
	}
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	business := "/business/" + tenants[0].BusinessID
	var made compatInstance
	admin.call(http.MethodPost, business+"/instance", map[string]any{"instanceName": "shop-front"}, &made)
	own, at := admin.as(made.Auth.JWT), "/instance/"+made.InstanceID

	ids := make(map[event.Type]string)
	for _, info := range event.All() {
		var hook compatWebhook
		own.call(http.MethodPost, at+"/webhook", map[string]any{
			"name": string(info.Type), "url": hooks.URL + "/" + string(info.Type), "enabled": true,
		}, &hook)
		toggles := make(map[string]any)
		for _, other := range event.All() {
			toggles[string(other.Type)] = other.Type == info.Type
		}
		own.call(http.MethodPatch, at+"/webhook/"+hook.WebhookID+"/events", toggles, nil)
		ids[info.Type] = hook.WebhookID
	}
	heard := func(typ event.Type, text string) {
		t.Helper()
		hooks.until(t, string(typ), func(calls []received) bool {
			for _, c := range calls {
				if c.Path == "/"+string(typ) && c.Event == typ.Wire() && strings.Contains(string(c.Body), text) {
					return true
				}
			}
			return false
		})
	}

	own.link(made.InstanceID, phone)
	_, err := nina.SendText(ctx, phone, "hello")
	must(err)
	// A name that comes with a history first is no change later.
	heard(event.ContactsUpdate, "Nina")
	deadline := time.Now().Add(limit)
	for nina.SetTyping(phone, wasim.Composing) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the instance does not watch who types")
		}
		time.Sleep(20 * time.Millisecond)
	}
	sent := own.send(http.MethodPost, at+"/send/text", map[string]any{
		"recipient": nina.Number(), "textMessage": map[string]any{"text": "order ready"},
	})
	must(nina.Read(ctx, sent.KeyID))
	must(phone.SetContact(ctx, nina, "Nina", "Nina Souza"))
	old := []wasim.HistoryChat{{JID: nina.JID(), Messages: []wasim.HistoryMessage{
		{ID: "3A5F00C1D2E3F4A5B6C7", Name: "Nina", Text: "old note", Time: time.Unix(1767225600, 0)},
	}}}
	must(phone.SendHistory(ctx, wasim.HistoryOptions{Kind: "PUSH_NAME", PushNames: true, Chats: old}))
	must(phone.SendHistory(ctx, wasim.HistoryOptions{Kind: "RECENT", Chats: old}))
	crew := nina.NewGroup("Crew", phone)
	must(crew.SetAnnounce(nina, true))
	must(crew.Add(nina, network.NewPhone("4915112340003", "Otto")))
	must(phone.Pin(ctx, nina.JID(), true))
	must(phone.DeleteChat(ctx, nina.JID(), false))
	token := made.Auth.JWT
	rotate := func() {
		t.Helper()
		var answer struct {
			NewToken string `json:"newToken"`
		}
		admin.call(http.MethodPatch, business+at+"/refresh-token", map[string]any{"oldToken": token}, &answer)
		token = answer.NewToken
	}
	rotate()
	for _, info := range event.All() {
		if info.Type != event.StateInstance {
			heard(info.Type, "")
		}
	}
	admin.call(http.MethodPatch, business+at+"/toggle-activate", map[string]any{"action": "deactivate"}, nil)
	heard(event.StateInstance, `"off"`)

	// A lane is in order: what comes last proves that nothing else waits.
	for _, id := range ids {
		own.call(http.MethodPatch, at+"/webhook/"+id+"/events", map[string]any{"newJwt": true}, nil)
	}
	rotate()
	calls := hooks.until(t, "the last call to each", func(calls []received) bool {
		done := make(map[string]int)
		for _, c := range calls {
			if c.Event == event.NewJWT.Wire() {
				done[c.Path]++
			}
		}
		return len(done) == len(ids) && done["/"+string(event.NewJWT)] >= 2
	})
	for _, c := range calls {
		typ := event.Type(strings.TrimPrefix(c.Path, "/"))
		if c.Event != typ.Wire() && c.Event != event.NewJWT.Wire() {
			t.Errorf("%s came to the webhook of %s", c.Event, typ)
		}
	}
}

// What is not kept cannot be looked up, comes to webhooks all the same, and is
// gone when keeping is switched on again.
func TestMessagesAreNotKept(t *testing.T) {
	g, o, id, network, phone, hooks := linked(t)
	own := compat{t: t, base: g.Home, token: o.token(id)}
	nina := network.NewPhone("5521998880002", "Nina")
	type page struct {
		TotalRecords, TotalPages int
		Records                  []struct {
			MessageID string `json:"messageId"`
		}
	}
	var list struct{ ChatsPage, ContactsPage, MessagesPage *page }
	look := func() (chats, contacts, messages int) {
		t.Helper()
		list.ChatsPage, list.ContactsPage, list.MessagesPage = nil, nil, nil
		own.call(http.MethodGet, "/instance/"+id+"/chat/search/chats", nil, &list)
		own.call(http.MethodGet, "/instance/"+id+"/chat/search/contacts", nil, &list)
		own.call(http.MethodPost, "/instance/"+id+"/chat/search/messages", nil, &list)
		if list.ChatsPage.Records == nil || list.ContactsPage.Records == nil || list.MessagesPage.Records == nil {
			t.Error("a list is null")
		}
		return list.ChatsPage.TotalRecords, list.ContactsPage.TotalRecords, list.MessagesPage.TotalRecords
	}
	keep := func(off string) {
		t.Helper()
		p := o.submit(o.get("/settings/retention"), "/settings/retention", url.Values{"messages_off": {off}})
		if p.Find("#doomed").Length() > 0 {
			p = o.submit(p, "/settings/retention", nil)
		}
		if got := p.Find("#messages-off[checked]").Length() > 0; got != (off != "") {
			t.Fatalf("after choosing %q: %s", off, p.says())
		}
	}
	say := func(text string) {
		t.Helper()
		if _, err := nina.SendText(context.Background(), phone, text); err != nil {
			t.Fatal(err)
		}
		hooks.until(t, text, func(calls []received) bool {
			for _, c := range calls {
				if c.Event == "messages.upsert" && strings.Contains(string(c.Body), text) {
					return true
				}
			}
			return false
		})
	}
	say("before")
	if chats, contacts, messages := look(); chats == 0 || contacts == 0 || messages != 1 {
		t.Fatalf("kept: %d chats, %d contacts, %d messages", chats, contacts, messages)
	}
	known := list.MessagesPage.Records[0].MessageID
	if !strings.Contains(export(o), known) {
		t.Error("the message is not among the exported events")
	}
	keep("1")
	if chats, contacts, messages := look(); chats+contacts+messages != 0 || list.MessagesPage.TotalPages != 0 {
		t.Errorf("not kept: %d chats, %d contacts, %d messages", chats, contacts, messages)
	}
	status, refused := own.try(http.MethodPatch, "/instance/"+id+"/send/reaction", map[string]any{"messageId": known, "reaction": "+"}, nil)
	if status != http.StatusBadRequest || refused == nil {
		t.Errorf("a reaction to what is not kept: %d %+v", status, refused)
	}
	say("during")
	// An outcome may be written after the webhook was called, and its event goes
	// with the next sweep; saving the choice again brings one.
	o.until("the sweep", func() bool {
		keep("1")
		return !strings.Contains(export(o), known) && !strings.Contains(export(o), "during")
	})
	keep("")
	if _, _, messages := look(); messages != 0 {
		t.Errorf("kept again: %d messages of before", messages)
	}
	say("after")
	if _, _, messages := look(); messages != 1 {
		t.Errorf("kept again: %d messages", messages)
	}
}

// export is the text of all recorded events.
func export(o *operator) string {
	o.t.Helper()
	resp, err := o.http.Get(o.absolute("/events/export"))
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		o.t.Fatalf("export: status %d, %v", resp.StatusCode, err)
	}
	return string(raw)
}
