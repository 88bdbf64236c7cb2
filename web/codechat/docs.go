package codechat

import (
	"maps"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// Operation is a call as the documentation shows it.
type Operation struct {
	Method, Path string
	Who          Who
	Scope        string
	Summary      string
	Query        string // an example, without the question mark
	Body         any    // an example; nil where none is read
	Form         []Part // an example in place of Body, of a multipart form
	Status       int    // of the answer to the example
	Answer       any    // an example; nil where the answer is a page
}

// Part is a field of a multipart form.
type Part struct {
	Name, Value string
	File        bool // Value is the name of a file
}

// doc is what a route does not say of itself.
type doc struct {
	summary string
	query   string
	body    any
	form    []Part
	status  int // 0: 200
	answer  any
}

type object = map[string]any

// Operations are all calls of this door with examples. A route without a line
// in docs is left out, which a test forbids.
func (d *Door) Operations() []Operation {
	all := docs()
	var list []Operation
	for _, rt := range d.Routes() {
		about, ok := all[rt.Method+" "+rt.Path]
		if !ok {
			continue
		}
		op := Operation{
			Method: rt.Method, Path: rt.Path, Who: rt.Who, Scope: string(rt.Scope), Summary: about.summary, Query: about.query,
			Body: about.body, Form: about.form, Status: about.status, Answer: about.answer,
		}
		if op.Status == 0 {
			op.Status = 200
		}
		list = append(list, op)
	}
	return list
}

func docs() map[string]doc {
	all := make(map[string]doc)
	for prefix, part := range map[string]map[string]doc{
		"/api/v2/instance/:instanceId": instanceDocs(), "/api/v2/business/:businessId": businessDocs(),
		"/api/v2/admin/business": adminDocs(), Prefix13: docs13(),
	} {
		for key, about := range part {
			method, path := key, ""
			for i := range key {
				if key[i] == ' ' {
					method, path = key[:i], key[i+1:]
					break
				}
			}
			all[method+" "+prefix+path] = about
		}
	}
	return all
}

func instanceDocs() map[string]doc {
	full, hook := sampleInstance(), newWebhook(sampleWebhook())
	refused := func(what string) any {
		return errorJSON{Message: []string{what + " is not supported by this version"}, Error: "Bad Request", StatusCode: 400}
	}
	all := map[string]doc{
		"GET":                              {summary: "Find the instance", answer: full},
		"DELETE":                           {summary: "Delete the instance, logging it out first", answer: full.deleted(sampleTime())},
		"DELETE /logout":                   {summary: "Log off the WhatsApp instance, which must be connected", answer: full},
		"GET /connect":                     {summary: "Start linking; each call gives the QR code of the moment", answer: codeJSON{Base64: "data:image/png;base64,iVBORw0K", Code: "https://wa.me/settings/linked_devices#2@Vx8", State: "connecting"}},
		"POST /connect/code":               {summary: "Link by a code that is typed on the phone", body: object{"phoneNumber": "5511987650001"}, answer: object{"code": "ABCD-EFGH"}},
		"GET /connection-state":            {summary: "State of the connection", answer: stateJSON{"open", 200}},
		"GET /qrcode":                      {summary: "The QR code of the moment, without starting anything", answer: codeJSON{State: "open"}},
		"PATCH /reload":                    {summary: "Renew the connection", answer: full},
		"PUT /restart":                     {summary: "The same as reload", answer: full},
		"PATCH /proxy":                     {summary: "Go to WhatsApp through a proxy; null takes it away", body: object{"url": nil}, answer: full},
		"POST /webhook":                    {summary: "Create a webhook; all events are wanted", body: object{"name": "erp", "url": "https://erp.example.com/hook", "enabled": false}, status: 201, answer: hook},
		"GET /webhook":                     {summary: "List the webhooks", answer: []webhookJSON{hook}},
		"GET /webhook/:webhookId":          {summary: "Find a webhook", answer: hook},
		"PUT /webhook/:webhookId":          {summary: "Change name, address or enabled; the events stay", body: object{"name": "crm", "enabled": false}, status: 201, answer: hook},
		"DELETE /webhook/:webhookId":       {summary: "Delete a webhook", answer: hook},
		"PATCH /webhook/:webhookId/events": {summary: "Switch any of the 19 events on or off", body: object{"groupUpdate": false}, answer: hook.Events},
		"POST /send/text":                  {summary: "Send a text", body: object{"recipient": "5521998880002", "textMessage": object{"text": "order ready"}, "options": object{"externalAttributes": "order-551"}}, status: 201, answer: newSent(sampleSent(), sampleID)},
		"GET /chat/search/chats":           {summary: "List the chats", query: "page=1&sort=desc", answer: chatsJSON{sampleChatInstance(), pageOf([]event.ChatData{{ChatID: "01jf", RemoteJID: samplePeer, CreatedAt: event.WireTime(sampleTime())}}, 1)}},
		"GET /chat/search/contacts":        {summary: "List the contacts", query: "page=1&sort=desc", answer: contactsJSON{sampleChatInstance(), pageOf([]event.ContactData{{ContactID: "01jd", PushName: "Nina", RemoteJID: samplePeer, CreatedAt: event.WireTime(sampleTime())}}, 1)}},
		"POST /chat/search/messages":       {summary: "Look through the messages that are kept", query: "page=1&sort=desc", body: object{"keyFromMe": true}, answer: messagesJSON{sampleChatInstance(), pageOf([]event.MessageData{sampleSent().MessageData}, 1)}},
	}
	for path, what := range map[string]string{"POST /send/buttons": "Sending buttons", "POST /send/list": "Sending lists"} {
		all[path] = doc{summary: what + ": not supported by this version", body: object{}, status: 400, answer: refused(what)}
	}
	maps.Copy(all, messageDocs())
	return all
}

func businessDocs() map[string]doc {
	tenant, made := sampleTenant(), newCreate(sampleSource(), sampleJWT)
	hook := newBusinessWebhook(&instance.BusinessWebhook{ID: "01jw", URL: "https://erp.example.com/all", Enabled: true, CreatedAt: sampleTime(), UpdatedAt: sampleTime()})
	return map[string]doc{
		"GET":                           {summary: "Find the business", answer: tenant},
		"PUT":                           {summary: "Change name or attributes", body: object{"attributes": object{"plan": "gold"}}, answer: tenant},
		"POST /instance":                {summary: "Create an instance; without a name it gets one", body: object{}, status: 201, answer: made},
		"DELETE /instance":              {summary: "Delete an instance of the business", query: "instanceId=" + sampleID, answer: sampleInstance().deleted(sampleTime())},
		"POST /instance/search":         {summary: "Look for instances, 50 a page", query: "page=1", body: object{"search": object{"connection": "open"}}, answer: searchJSON{tenant, pageOf([]instanceJSON{sampleInstance()}, 1)}},
		"GET /instance/connected":       {summary: "List the connected instances", answer: []instanceJSON{sampleInstance()}},
		"PATCH /instance/move-whatsapp": {summary: "Give a linked account to another instance", body: object{"sourceWhatsAppId": "01jr", "instanceIdTarget": "01js"}, answer: moveJSON{made, sampleSource().Wire(instance.Business{}).WhatsApp}},
		"PATCH /move-whatsapp":          {summary: "The same by the document's other path", body: object{"sourceWhatsAppId": "01jr", "instanceIdTarget": "01js"}, answer: moveJSON{made, sampleSource().Wire(instance.Business{}).WhatsApp}},
		"PATCH /instance/:instanceId/refresh-token":   {summary: "Replace the token; the old one stays good for overlapSeconds", body: object{"oldToken": sampleJWT, "overlapSeconds": 3600}, answer: rotationJSON{NewToken: sampleJWT, OldTokenExpiresAt: timeOrNull(sampleTime())}},
		"PATCH /instance/:instanceId/toggle-activate": {summary: "Switch the instance on or off", body: object{"action": "activate"}, answer: made},
		"POST /webhook": {summary: "Make the webhook of the business: every event of every instance", body: object{"url": "https://erp.example.com/all", "enabled": false}, status: 201, answer: hook},
		"GET /webhook":  {summary: "Find the webhook of the business", answer: hook},
		"PUT /webhook":  {summary: "Change the webhook of the business", body: object{"url": "https://erp.example.com/all", "enabled": false}, status: 201, answer: hook},
	}
}

func adminDocs() map[string]doc {
	tenant := sampleTenant()
	gone := tenant
	gone.DeletedAt = timeOrNull(sampleTime())
	return map[string]doc{
		"POST":                             {summary: "Create a business", body: object{"name": "Branch"}, status: 201, answer: tenant},
		"GET":                              {summary: "List the businesses", answer: []businessJSON{tenant}},
		"DELETE /:businessId":              {summary: "Delete a business; force deletes its instances too", query: "force=true", answer: gone},
		"PATCH /:businessId/refresh-token": {summary: "Replace the token of a business", body: object{"oldToken": sampleJWT}, answer: rotationJSON{NewToken: sampleJWT, OldTokenExpiresAt: timeOrNull(sampleTime())}},
		"PATCH /move-instance":             {summary: "Give an instance to another business", body: object{"sourceInstanceId": sampleID, "businessIdTarget": "01jb"}, answer: sampleInstance()},
	}
}

func docs13() map[string]doc {
	full, hook := newInstance13(sampleSource(), sampleJWT, nil), newWebhook13(sampleWebhook())
	return map[string]doc{
		"POST /instance/create":                                 {summary: "Create an instance", body: object{"instanceName": "till"}, status: 201, answer: full},
		"GET /instance/fetchInstances":                          {summary: "List the instances", query: "instanceName=shop-front", answer: []instance13JSON{full}},
		"GET /instance/fetchInstance/:instanceName":             {summary: "Find an instance", answer: full},
		"GET /instance/connect/:instanceName":                   {summary: "Start linking; each call gives the QR code of the moment", answer: code13JSON{Count: 1, Code: "https://wa.me/settings/linked_devices#2@Vx8", Base64: "data:image/png;base64,iVBORw0K"}},
		"GET /instance/connect/:instanceName/code/:phoneNumber": {summary: "Link by a code that is typed on the phone", answer: object{"code": "ABCD-EFGH"}},
		"GET /instance/connectionState/:instanceName":           {summary: "State of the connection", answer: event.ConnectionData{State: "open", StatusReason: 200}},
		"GET /instance/qrcode/:instanceName":                    {summary: "A page with the QR code of the moment"},
		"PATCH /instance/update/:instanceName":                  {summary: "Change the name", body: object{"instanceName": "shop-front"}, answer: full},
		"PATCH /instance/reload/:instanceName":                  {summary: "Renew the connection", answer: full},
		"DELETE /instance/logout/:instanceName":                 {summary: "Log out", answer: object{"error": false, "message": "Instance logged out"}},
		"DELETE /instance/delete/:instanceName":                 {summary: "Delete the instance; force while it is connected", query: "force=true", answer: full},
		"PUT /instance/refreshToken/:instanceName":              {summary: "Replace the token", body: object{"oldToken": sampleJWT}, status: 201, answer: newAuth13(sampleSource(), sampleJWT)},
		"PUT /webhook/set/:instanceName":                        {summary: "Set the webhook", body: object{"url": "https://erp.example.com/hook", "enabled": false, "events": object{"messagesUpsert": true}}, status: 201, answer: hook},
		"GET /webhook/find/:instanceName":                       {summary: "Find the webhook", answer: hook},
		"POST /message/sendText/:instanceName":                  {summary: "Send a text", body: object{"number": "5521998880002", "textMessage": object{"text": "order ready"}}, status: 201, answer: newSent13(sampleSent(), sampleID)},
	}
}

// What the examples speak of.
const (
	sampleID   = "01jz"
	sampleJWT  = "eyJhbGciOiJIUzI1NiJ9.e30.sig"
	samplePeer = "5521998880002@s.whatsapp.net"
)

func sampleTime() time.Time { return time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC) }

func sampleSource() instance.Instance {
	at := sampleTime()
	return instance.Instance{
		ID: sampleID, Name: "shop-front", BusinessID: "01jb", State: instance.Active,
		Status: instance.Status{Phase: instance.PhaseConnected, Since: at}, CreatedAt: at, UpdatedAt: at,
		Token: instance.Token{ID: "01jt", IssuedAt: at, UpdatedAt: at},
		WhatsApp: &instance.WhatsApp{
			ID: "01jr", Device: "5511987650001:1@s.whatsapp.net", JID: "5511987650001@s.whatsapp.net", PushName: "Shop Front", LinkedAt: at,
		},
	}
}

func sampleBusiness() instance.Business {
	return instance.Business{ID: "01jb", Name: "Example Ltda", CreatedAt: sampleTime(), UpdatedAt: sampleTime()}
}

func sampleWebhook() webhook.Webhook {
	at := sampleTime()
	return webhook.Webhook{
		ID: "01jh", InstanceID: sampleID, Name: "crm", URL: "https://crm.example.com/hook", Enabled: true, CreatedAt: at, UpdatedAt: at,
		Events: webhook.Events{ID: "01je", Toggles: webhook.AllToggles(), CreatedAt: at, UpdatedAt: at},
	}
}

func sampleInstance() instanceJSON {
	return newInstance(sampleSource(), sampleJWT, []webhook.Webhook{sampleWebhook()}, sampleBusiness())
}

func sampleChatInstance() chatInstanceJSON { return newChatInstance(sampleSource(), sampleBusiness()) }

func sampleTenant() businessJSON { return newBusiness(sampleBusiness(), sampleJWT) }

func sampleSent() event.SentData {
	return event.SentData{
		MessageData: event.MessageData{
			MessageID: "01jm", KeyID: "3EB0A9C4D2E1F0B7A6C5D4", KeyFromMe: true, KeyRemoteJID: samplePeer, PushName: "Shop Front",
			ContentType: "extendedTextMessage", Content: []byte(`{"text":"order ready"}`), Source: "api",
			MessageTimestamp: sampleTime().Unix(), CreatedAt: event.WireTime(sampleTime()),
		},
		InstanceInstanceID: sampleID, ExternalAttributes: "order-551",
	}
}
