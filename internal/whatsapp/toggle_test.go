package whatsapp_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

// toggle says how one of the 19 types is caused on the wire, and what its data
// must look like.
type toggle struct {
	typ   event.Type
	wire  string
	cause func(r *rig)
	// early causes it by linking: the type is switched on before.
	early bool
	// data is the expected "data" as JSON, where "*" stands for any text but
	// none, "~" for the same or no field, "#" for any number and "@" for a date.
	data string
	// where picks the call among those of the type; nil takes the last.
	where string
	// unrecorded: nothing is kept when nobody wants it.
	unrecorded bool
}

const (
	own   = "5511987650001@s.whatsapp.net"
	nina  = "5521998880002@s.whatsapp.net"
	chatN = `{"chatId":"*","remoteJid":"` + nina + `","remoteLid":"~","createdAt":"@"`
)

func send(r *rig, text string) string {
	r.T.Helper()
	id, err := r.nina.SendText(context.Background(), r.phone, text)
	r.must(err)
	return id
}

func sendOut(r *rig) instance.Sent {
	r.T.Helper()
	sent, err := r.Manager.SendText(context.Background(), r.in.ID, instance.SendTextParams{
		To: "+55 21 99888-0002", Text: " order ready ", ExternalAttributes: "order-551",
	})
	r.must(err)
	return sent
}

func history(r *rig, kind string, names bool) {
	r.T.Helper()
	r.must(r.phone.SendHistory(context.Background(), wasim.HistoryOptions{Kind: kind, PushNames: names, Chats: []wasim.HistoryChat{{
		JID: r.nina.JID(), Messages: []wasim.HistoryMessage{
			{ID: "3A5F00C1D2E3F4A5B6C7", Name: "Nina", Text: "old note", Time: time.Unix(1767225600, 0)},
		},
	}}}))
}

func toggles() []toggle {
	return []toggle{
		{typ: event.QRCodeUpdate, wire: "qrcode.updated", early: true, data: `{"code":"*","base64":"data:,"}`},
		{typ: event.StateInstance, wire: "state.instance", early: true, data: `{"state":"on"}`},
		{typ: event.ConnectionUpdate, wire: "connection.update", early: true, data: `{"state":"open","statusReason":200}`},
		{typ: event.ContactsSet, wire: "contacts.set", unrecorded: true, where: nina,
			cause: func(r *rig) { history(r, "PUSH_NAME", true) },
			data:  `[{"contactId":"*","pushName":"Nina","remoteJid":"` + nina + `","remoteLid":"~","pictureUrl":null,"createdAt":"@"}]`},
		{typ: event.ChatsSet, wire: "chats.set", unrecorded: true, cause: func(r *rig) { history(r, "RECENT", false) },
			data: `[` + chatN + `}]`},
		{typ: event.MessagesSet, wire: "messages.set", unrecorded: true, cause: func(r *rig) { history(r, "RECENT", false) },
			data: `[{"messageId":"*","keyId":"3A5F00C1D2E3F4A5B6C7","keyFromMe":false,"keyRemoteJid":"` + nina + `","keyRemoteLid":"~",
				"keyParticipant":null,"pushName":"Nina","contentType":"conversation","content":{"text":"old note"},"source":"ios",
				"messageTimestamp":1767225600,"isGroup":false,"createdAt":"@"}]`},
		{typ: event.MessagesUpsert, wire: "messages.upsert", cause: func(r *rig) { send(r, "olá <b>&") },
			data: `{"messageId":"*","keyId":"*","keyFromMe":false,"keyRemoteJid":"` + nina + `","keyRemoteLid":"*","keyParticipant":null,
				"pushName":"Nina","contentType":"conversation","content":{"text":"olá <b>&"},"source":"*","messageTimestamp":"#",
				"isGroup":false,"createdAt":"@"}`},
		{typ: event.MessagesUpdate, wire: "messages.update", where: "READ", cause: func(r *rig) {
			sent := sendOut(r)
			r.must(r.nina.Read(context.Background(), sent.KeyID))
		}, data: `{"messageStatusId":"*","status":"READ","dateTime":"@","messageMessageId":"*","keyId":"*","keyRemoteJid":"` + nina + `","keyRemoteLid":"*"}`},
		{typ: event.SendMessage, wire: "send.message", cause: func(r *rig) { sendOut(r) },
			data: `{"messageId":"*","keyId":"*","keyFromMe":true,"keyRemoteJid":"` + nina + `","keyRemoteLid":"*","keyParticipant":null,
				"pushName":"Shop Front","contentType":"conversation","content":{"text":"order ready"},"source":"api","messageTimestamp":"#",
				"isGroup":false,"createdAt":"@","instanceInstanceId":"*","externalAttributes":"order-551"}`},
		{typ: event.ContactsUpsert, wire: "contacts.upsert", cause: func(r *rig) {
			r.must(r.phone.SetContact(context.Background(), r.nina, "Nina", "Nina Souza"))
		}, data: `[{"contactId":"*","pushName":"Nina Souza","remoteJid":"` + nina + `","remoteLid":"*","pictureUrl":null,"name":"Nina Souza","createdAt":"@"}]`},
		{typ: event.ContactsUpdate, wire: "contacts.update", cause: func(r *rig) { send(r, "hello") },
			data: `[{"contactId":"*","pushName":"Nina","remoteJid":"` + nina + `","remoteLid":"*","pictureUrl":null,"createdAt":"@"}]`},
		{typ: event.PresenceUpdate, wire: "presence.update", unrecorded: true, where: "composing", cause: func(r *rig) {
			send(r, "hello")
			if r.wants(event.PresenceUpdate) {
				r.eventually("the subscription", func() bool { return r.nina.SetTyping(r.phone, wasim.Composing) > 0 })
			} else if n := r.nina.SetTyping(r.phone, wasim.Composing); n > 0 {
				r.T.Errorf("%d devices watch although nobody wants it", n)
			}
		}, data: `{"id":"` + nina + `","lid":"*","isGroup":false,"presences":{"jid":"` + nina + `","lid":"*","type":"composing"}}`},
		{typ: event.ChatsUpdate, wire: "chats.update", cause: func(r *rig) {
			r.must(r.phone.Pin(context.Background(), r.nina.JID(), true))
		}, data: `[` + chatN + `,"change":{"pinned":true}}]`},
		{typ: event.ChatsUpsert, wire: "chats.upsert", cause: func(r *rig) { send(r, "hello"); send(r, "again") }, data: `[` + chatN + `}]`},
		{typ: event.ChatsDelete, wire: "chats.delete", cause: func(r *rig) {
			r.must(r.phone.DeleteChat(context.Background(), r.nina.JID(), false))
		}, data: `["` + nina + `"]`},
		{typ: event.GroupsUpsert, wire: "group.upsert", cause: func(r *rig) { r.nina.NewGroup("Crew", r.phone) },
			data: `{"id":"*","subject":"Crew","subjectOwner":"` + nina + `","subjectTime":"*","size":2,"creation":"#","owner":"` + nina + `",
				"ownerLid":"*","restrict":false,"announce":false,"participants":[{"id":"` + nina + `","lid":"*","admin":"superadmin"},
				{"id":"` + own + `","lid":"*","admin":null}]}`},
		{typ: event.GroupUpdate, wire: "group.update", cause: func(r *rig) {
			r.must(r.nina.NewGroup("Crew", r.phone).SetAnnounce(r.nina, true))
		}, data: `{"id":"*","announce":true}`},
		{typ: event.GroupParticipantsUpdate, wire: "group.participants:update", cause: func(r *rig) {
			otto := r.Network.NewPhone("4915112340003", "Otto")
			r.must(r.nina.NewGroup("Crew", r.phone).Add(r.nina, otto))
		}, data: `{"id":"*","participants":["4915112340003@s.whatsapp.net"],"participantLids":["*"],"action":"add","author":"` + nina + `"}`},
		{typ: event.NewJWT, wire: "new.jwt", cause: func(r *rig) {
			_, err := r.Manager.RotateToken(context.Background(), r.in.ID, instance.RotateParams{OldID: r.Get(r.in.ID).Token.ID})
			r.must(err)
		}, data: `{"authId":"*","createdAt":"@","updatedAt":"@"}`},
	}
}

// Each of the 19 toggles is caused by the stand-in network, with the real
// library between. Switched on, alone, its webhook call is right in every part.
func TestToggles(t *testing.T) {
	t.Parallel()
	list := toggles()
	if len(list) != len(event.All()) {
		t.Fatalf("%d of %d types", len(list), len(event.All()))
	}
	for _, tg := range list {
		t.Run(string(tg.typ), func(t *testing.T) { t.Parallel(); testOn(t, tg) })
	}
}

func testOn(t *testing.T, tg toggle) {
	r := newRig(t, instancetest.Options{})
	if tg.early {
		r.want(tg.typ, true)
	}
	r.link()
	if !tg.early {
		r.want(tg.typ, true)
		tg.cause(r)
	}
	var got call
	r.eventually("the call", func() bool {
		for _, c := range r.received() {
			if strings.Contains(string(c.data), tg.where) {
				got = c
			}
		}
		return got.body != nil
	})
	for _, c := range r.received() {
		if c.event != tg.wire {
			t.Errorf("event %q came although only %q is wanted", c.event, tg.wire)
		}
	}
	if tg.typ == event.ContactsSet { // the network knows more people
		got.data = only(t, got.data, nina)
	}
	checkEnvelope(t, r, got)
	checkJSON(t, "data", got.data, tg.data)
	checkNoSecret(t, r)
}

// With everything switched off but one type, all others happen and are kept,
// but not sent; what is kept only where it is wanted is not even kept.
func TestTogglesOff(t *testing.T) {
	t.Parallel()
	for _, wanted := range []event.Type{event.ConnectionUpdate, event.StateInstance} {
		t.Run("all but "+string(wanted), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, instancetest.Options{}, wanted)
			r.link()
			// A name that comes with a history first is no change later.
			all := toggles()
			name := slices.IndexFunc(all, func(tg toggle) bool { return tg.typ == event.ContactsUpdate })
			all[name].cause(r)
			r.eventually("the changed name", func() bool { return len(r.recorded(event.ContactsUpdate)) > 0 })
			for i, tg := range all {
				if i != name && !tg.early {
					tg.cause(r)
				}
			}
			for _, tg := range toggles() {
				if !tg.unrecorded {
					r.eventually(string(tg.typ), func() bool { return len(r.recorded(tg.typ)) > 0 })
				}
			}
			r.Logout(r.in.ID)
			// What comes last proves that the others would have come.
			r.eventually("the last call", func() bool {
				return slices.ContainsFunc(r.received(), func(c call) bool {
					data := string(c.data)
					return c.event == wanted.Wire() && (strings.Contains(data, `"close"`) || strings.Contains(data, `"off"`))
				})
			})
			for _, c := range r.received() {
				if c.event != wanted.Wire() {
					t.Errorf("%s came although it is switched off", c.event)
				}
			}
			for _, tg := range toggles() {
				if n := len(r.recorded(tg.typ)); tg.unrecorded && n > 0 {
					t.Errorf("%s: %d events that nobody wants were recorded", tg.typ, n)
				}
			}
			checkNoSecret(t, r)
		})
	}
}

// only keeps the items of a list that hold text.
func only(t *testing.T, raw json.RawMessage, text string) json.RawMessage {
	t.Helper()
	var items, kept []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if strings.Contains(string(item), text) {
			kept = append(kept, item)
		}
	}
	out, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkEnvelope compares the headers and everything but the data.
func checkEnvelope(t *testing.T, r *rig, c call) {
	t.Helper()
	in := r.Get(r.in.ID)
	var body struct {
		Event, ID string
		Instance  struct {
			InstanceID, Name, State string
			WhatsApp                *struct{ WhatsappID, RemoteJid string }
			Business                struct{ BusinessID, Name string }
			Auth, Webhook           any
		}
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		t.Fatal(err)
	}
	checkJSON(t, "envelope", c.body, `{"event":"*","id":"*","seq":"#","timestamp":"@","instance":"{}","data":"?"}`)
	whatsapp := ""
	if body.Instance.WhatsApp != nil {
		whatsapp = in.WhatsApp.ID
		if body.Instance.WhatsApp.WhatsappID != in.WhatsApp.ID || body.Instance.WhatsApp.RemoteJid != own {
			t.Errorf("WhatsApp = %+v", body.Instance.WhatsApp)
		}
	}
	if body.Instance.InstanceID != in.ID || body.Instance.Name != "shop-front" || body.Instance.State != "active" {
		t.Errorf("instance = %+v", body.Instance)
	}
	if body.Instance.Auth != nil || body.Instance.Webhook != nil {
		t.Errorf("the body has Auth or Webhook")
	}
	// HTTP does not tell names apart by case; the letters on the wire are the
	// sender's own test.
	for name, want := range map[string]string{
		"x-businessId": in.BusinessID, "x-instanceId": in.ID, "x-whatsappId": whatsapp, "webhook-id": body.ID,
	} {
		if got := c.header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if body.Instance.Business.BusinessID != in.BusinessID {
		t.Errorf("Business = %+v", body.Instance.Business)
	}
}

// checkNoSecret looks for every secret of the data file in every body and
// header value that left the house, as it is and in the usual spellings.
func checkNoSecret(t *testing.T, r *rig) {
	t.Helper()
	spelled := make(map[string]string)
	for name, secret := range secretsOf(t, r) {
		for how, text := range map[string]string{
			"as it is": string(secret), "in hex": hex.EncodeToString(secret), "in base64": base64.StdEncoding.EncodeToString(secret),
			"in URLs' base64": base64.RawURLEncoding.EncodeToString(secret),
		} {
			spelled[name+" "+how] = strings.TrimRight(text, "=")
		}
	}
	for _, c := range r.received() {
		outbound := string(c.body)
		for _, values := range c.header {
			outbound += "\n" + strings.Join(values, "\n")
		}
		for name, secret := range spelled {
			// A QR code is made of the ADV secret among others; to show it is what
			// it is for.
			inCode := c.event == event.QRCodeUpdate.Wire() && strings.HasPrefix(name, "ADV secret")
			if strings.Contains(outbound, secret) && !inCode {
				t.Errorf("%s: the %s left the house", c.event, name)
			}
		}
		if jwt.MatchString(outbound) {
			t.Errorf("%s: a token left the house", c.event)
		}
	}
}

// secretsOf lists the secrets of the data file: those of the house, of its
// webhooks, and the keys of the linked devices.
func secretsOf(t *testing.T, r *rig) map[string][]byte {
	t.Helper()
	ctx := context.Background()
	secrets := map[string][]byte{"webhook's secret": []byte(hookSecret)}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(hookSecret, "whsec_"))
	r.must(err)
	secrets["webhook's key"] = key
	_, err = r.Store.Secret(ctx, "jwt") // made when it is asked for first
	r.must(err)
	r.must(r.Store.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("secret")).ForEach(func(name, value []byte) error {
			secrets["secret "+string(name)] = bytes.Clone(value)
			return nil
		})
	}))
	devices, err := r.Keys.Devices(ctx)
	r.must(err)
	for _, jid := range devices {
		d, err := r.Keys.Device(ctx, jid)
		r.must(err)
		if d == nil {
			continue // logged out meanwhile
		}
		at := " of device " + jid.String()
		secrets["noise key"+at], secrets["identity key"+at] = d.NoiseKey.Priv[:], d.IdentityKey.Priv[:]
		secrets["signed prekey"+at], secrets["ADV secret"+at] = d.SignedPreKey.Priv[:], d.AdvSecretKey
	}
	return secrets
}

var jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.`)

var date = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// checkJSON compares field by field; a field that is missing or too many is an
// error.
func checkJSON(t *testing.T, where string, got json.RawMessage, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: the expectation: %v", where, err)
	}
	compare(t, where, g, w)
}

func compare(t *testing.T, where string, got, want any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s = %v, want an object", where, got)
			return
		}
		for key, value := range w {
			if _, there := g[key]; !there && value == "~" {
				continue
			} else if !there {
				t.Errorf("%s.%s is missing", where, key)
				continue
			}
			compare(t, where+"."+key, g[key], value)
		}
		for key := range g {
			if _, there := w[key]; !there {
				t.Errorf("%s.%s = %v was not expected", where, key, g[key])
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			t.Errorf("%s = %v, want %d items", where, got, len(w))
			return
		}
		for i := range w {
			compare(t, where, g[i], w[i])
		}
	default:
		if !matches(got, want) {
			t.Errorf("%s = %v, want %v", where, got, want)
		}
	}
}

func matches(got, want any) bool {
	text, _ := got.(string)
	_, number := got.(float64)
	switch want {
	case "?":
		return true
	case "*", "~":
		return text != ""
	case "#":
		return number
	case "@":
		return date.MatchString(text)
	case "{}":
		_, object := got.(map[string]any)
		return object
	default:
		return got == want
	}
}
