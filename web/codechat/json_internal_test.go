package codechat

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// shape is the keys of a JSON object in their order, with nested objects.
func shape(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	var b strings.Builder
	key := false
	var depth []bool // true for objects
	for dec.More() || len(depth) > 0 {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		switch tok := tok.(type) {
		case json.Delim:
			switch tok {
			case '{', '[':
				depth = append(depth, tok == '{')
				b.WriteString(tok.String())
				key = tok == '{'
				continue
			default:
				depth = depth[:len(depth)-1]
				b.WriteString(tok.String() + " ")
			}
		case string:
			if key {
				b.WriteString(tok + " ")
				key = false
				continue
			}
		}
		key = len(depth) > 0 && depth[len(depth)-1]
	}
	return strings.TrimSpace(b.String())
}

const toggleNames = "qrcodeUpdate stateInstance messagesSet messagesUpsert messagesUpdate sendMessage contactsSet " +
	"contactsUpsert contactsUpdate presenceUpdate chatsSet chatsUpdate chatsUpsert chatsDelete groupsUpsert groupUpdate " +
	"groupParticipantsUpdate connectionUpdate newJwt"

func TestShapes(t *testing.T) {
	t.Parallel()
	const events = "{" + toggleNames + " webhookEventsId createdAt updatedAt }"
	const hook = "{name url enabled webhookId createdAt updatedAt instanceInstanceId WebhookEvents " + events + " }"
	const auth = "{authId jwt createdAt updatedAt }"
	const created = "{instanceId name state connection createdAt deletedAt businessBusinessId Auth " + auth + " "
	const tenant = "{businessId name businessToken attributes {} createdAt updatedAt deletedAt "
	const account = "{whatsappId remoteJid pictureUrl pushName createdAt }"
	for _, tc := range []struct {
		name, want string
		value      any
	}{
		{"eventsJSON", events, eventsJSON(webhook.Events{})},
		{"webhookJSON", hook, newWebhook(webhook.Webhook{})},
		{"authJSON", auth, authJSON{}},
		{"codeJSON", "{base64 code state }", codeJSON{}},
		{"stateJSON", "{state statusReason }", stateJSON{}},
		{"rotationJSON", "{newToken oldTokenExpiresAt }", rotationJSON{}},
		{"pageJSON", "{totalRecords totalPages currentPage records [] }", pageOf([]string(nil), 1)},
		{"createJSON", created + "}", createJSON{}},
		{"moveJSON", created + "WhatsApp " + account + " }", moveJSON{WhatsApp: &event.WireWhatsApp{}}},
		{"businessJSON", tenant + "BusinessWebhook {webhookId url enabled createdAt updatedAt } }",
			newBusiness(instance.Business{Webhook: &instance.BusinessWebhook{}}, "")},
		{"sentJSON", "{messageId keyId keyFromMe keyRemoteJid keyParticipant pushName contentType content {} source " +
			"messageTimestamp isGroup createdAt instanceInstanceId }", newSent(event.SentData{
			MessageData: event.MessageData{Content: []byte("{}")}}, "i")},
		{"error13JSON", "{status error message [] }", error13JSON{Message: []string{}}},
		{"errorJSON", "{message [] error statusCode }", errorJSON{Message: []string{}}},
		{
			"instanceJSON", "{instanceId name state connection createdAt deletedAt Auth " + auth + " WhatsApp " + account +
				" Webhook [" + hook + " ] Business {businessId name } }",
			instanceJSON{WhatsApp: &event.WireWhatsApp{}, Webhook: []webhookJSON{newWebhook(webhook.Webhook{})}},
		},
	} {
		if got := shape(t, tc.value); got != tc.want {
			t.Errorf("%s\n got %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

// What is written by hand for lists is what encoding/json writes.
func TestListsAreWrittenAsJSON(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 15, 7, 89_999_999, time.FixedZone("", -3*3600))
	odd := "\"<&>\\ \u2028 \x00 ção 🙂 \xff"
	hook := webhook.Webhook{
		ID: "w", InstanceID: "i", Name: odd, URL: "https://x.example/?a=1&b=2", Enabled: true, CreatedAt: now, UpdatedAt: now,
		Events: webhook.Events{ID: odd, Toggles: webhook.AllToggles().With(event.NewJWT, false), CreatedAt: now, UpdatedAt: now},
	}
	linked := &instance.WhatsApp{ID: "wa", JID: "5511987650001@s.whatsapp.net", PushName: odd, LinkedAt: now}
	for _, in := range []instance.Instance{
		{},
		{ID: "i", Name: odd, State: instance.Active, CreatedAt: now, UpdatedAt: now, DeletedAt: now, WhatsApp: linked,
			Status: instance.Status{Phase: instance.PhaseConnected, Since: now}, Token: instance.Token{ID: "t", IssuedAt: now, UpdatedAt: now}},
	} {
		for _, hooks := range [][]webhook.Webhook{nil, {hook}, {hook, hook}} {
			j, j13 := newInstance(in, odd, hooks, instance.Business{ID: "b", Name: odd}), newInstance13(in, odd, hooks)
			for _, tc := range []struct {
				got  jsonText
				want any
			}{{jsonText(nil).instance(j), j}, {jsonText(nil).instance13(j13), j13}} {
				want, err := json.Marshal(tc.want)
				if err != nil || string(tc.got) != string(want) {
					t.Errorf("%v\n got %s\nwant %s", err, tc.got, want)
				}
			}
		}
	}
	for _, at := range []time.Time{{}, time.Unix(0, 0), now, time.Date(12026, 1, 2, 3, 4, 5, 6, time.UTC), time.Date(-5, 1, 2, 3, 4, 5, 6, time.UTC)} {
		want := at.UTC().Format(`"2006-01-02T15:04:05.000Z07:00"`)
		if got := string(event.WireTime(at).AppendJSON(nil)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// JavaScript's dates have three digits, also where they are zeros.
func TestDates(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 15, 0, 999_999, time.FixedZone("", 3600))
	raw, err := json.Marshal(eventsJSON(webhook.Events{ID: "e", CreatedAt: at, Toggles: webhook.AllToggles()}))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), `"createdAt":"2026-03-02T08:15:00.000Z"`) {
		t.Errorf("got %s", raw)
	}
	if strings.Count(string(raw), ":true") != 19 {
		t.Errorf("got %s", raw)
	}
	if raw, err := json.Marshal(timeOrNull(at)); err != nil || string(raw) != `"2026-03-02T08:15:00.000Z"` {
		t.Errorf("timeOrNull = %s, %v", raw, err)
	}
}
