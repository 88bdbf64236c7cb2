package wasim_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/wasim"
)

// call makes a control request and reads the answer into out.
func call(t *testing.T, h http.Handler, method, path string, in, out any) int {
	t.Helper()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			t.Fatal(err)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, &body))
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			t.Fatalf("%s %s: %q: %v", method, path, w.Body, err)
		}
	}
	return w.Code
}

type object = map[string]any

func TestControl(t *testing.T) {
	t.Parallel()
	skipRace(t, raceDelete)
	s := start(t, wasim.Config{})
	h := s.Control()
	var phone struct{ Number, JID, LID string }
	if code := call(t, h, "POST", "/phones", object{"number": "+55 11 90000-0001", "name": "Ana"}, &phone); code != 200 || phone.JID != "5511900000001@s.whatsapp.net" {
		t.Fatalf("POST /phones = %d %+v", code, phone)
	}
	call(t, h, "POST", "/phones", object{"number": "5511900000002", "name": "Bob"}, nil)

	c := connect(t, s, nil)
	qr := wait[*events.QR](c, 1, nil)
	var scan struct{ Device string }
	if code := call(t, h, "POST", "/phones/5511900000001/scan", object{"qr": qr.Codes[0]}, &scan); code != 200 {
		t.Fatalf("scan = %d", code)
	}
	wait[*events.AppStateSyncComplete](c, 5, nil)

	for _, in := range []object{{"from": "5511900000002", "text": "one"}} {
		if code := call(t, h, "POST", "/phones/5511900000001/text", in, nil); code != 200 {
			t.Errorf("text = %d", code)
		}
	}
	var sent struct{ ID string }
	call(t, h, "POST", "/phones/5511900000002/text", object{"to": "5511900000001", "text": "two"}, &sent)
	c.text("one")
	c.text("two")
	if err := s.WaitAcked(ctxFor(t), sent.ID); err != nil {
		t.Fatal(err)
	}
	var acks struct{ Acks int }
	if call(t, h, "GET", "/acks/"+sent.ID, nil, &acks); acks.Acks != 1 {
		t.Errorf("acks = %d, want 1", acks.Acks)
	}

	var state wasim.State
	call(t, h, "GET", "/state", nil, &state)
	if len(state.Phones) != 2 || len(state.Phones[0].Devices) != 1 || !state.Phones[0].Devices[0].Online ||
		state.Phones[0].Devices[0].JID.String() != scan.Device || len(state.Phones[0].Inbox) != 2 || state.Phones[0].Inbox[1].Text != "two" {
		t.Errorf("state = %+v", state)
	}

	call(t, h, "POST", "/faults", wasim.Faults{SlowIQ: time.Millisecond}, nil)
	if got := s.Faults().SlowIQ; got != time.Millisecond {
		t.Errorf("SlowIQ = %v, want 1 ms", got)
	}
	var dropped struct{ Dropped int }
	if call(t, h, "POST", "/drop", object{"device": scan.Device}, &dropped); dropped.Dropped != 1 {
		t.Errorf("dropped = %d, want 1", dropped.Dropped)
	}
	wait[*events.Connected](c, 2, nil)
	if code := call(t, h, "POST", "/phones/5511900000001/remove", object{"device": scan.Device}, nil); code != 200 {
		t.Errorf("remove = %d", code)
	}
	wait[*events.LoggedOut](c, 1, nil)
}

func TestControlRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	h := s.Control()
	call(t, h, "POST", "/phones", object{"number": "1", "name": "Ana"}, nil)
	for _, tc := range []struct {
		name, path string
		in         any
		want       int
	}{
		{"no digits", "/phones", object{"number": "x"}, 400},
		{"unknown field", "/phones", object{"nummer": "1"}, 400},
		{"no such phone", "/phones/2/scan", object{"qr": "x"}, 404},
		{"bad code", "/phones/1/scan", object{"qr": "x"}, 400},
		{"unknown code", "/phones/1/scan", object{"qr": "2@a,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, 409},
		{"text without a side", "/phones/1/text", object{"text": "x"}, 400},
		{"no such device", "/phones/1/remove", object{"device": "1:7@s.whatsapp.net"}, 404},
		{"ban without code", "/ban", object{"device": "1:7@s.whatsapp.net"}, 400},
		{"ban of nobody", "/ban", object{"device": "1:7@s.whatsapp.net", "code": 101}, 404},
	} {
		var out struct{ Error string }
		if code := call(t, h, "POST", tc.path, tc.in, &out); code != tc.want || out.Error == "" {
			t.Errorf("%s: %d %q, want %d and words", tc.name, code, out.Error, tc.want)
		}
	}
}

// Routes that no other test uses.
func TestControlOddments(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	c.ManualHistorySyncDownload = true // nothing may go on when the test is over
	h := s.Control()
	for _, tc := range []struct {
		method, path string
		in           any
		want         int
	}{
		{"POST", "/phones/5511900000001/passkey", wasim.PasskeyOptions{Silent: true}, 200},
		{"GET", "/phones/5511900000001/passkey", nil, 200},
		{"DELETE", "/phones/5511900000001/passkey", nil, 200},
		{"POST", "/phones/5511900000001/passkeyanswer", object{"rpId": "elsewhere"}, 400},
		{"POST", "/phones/5511900000001/refresh", object{"on": true, "child": wasim.RefreshQR}, 200},
		{"POST", "/phones/5511900000001/refresh", object{"on": false}, 200},
		{"POST", "/phones/5511900000001/oldscan", object{"text": "x"}, 400},
		{"POST", "/phones/5511900000001/code", object{"code": "ABCD-EFGH"}, 409},
		{"POST", "/phones/5511900000001/past", []wasim.HistoryChat{chatOf(bob.JID(), 1)}, 200},
		{"POST", "/phones/5511900000001/history", wasim.HistoryOptions{Kind: "PUSH_NAME", PushNames: true, Device: jid}, 200},
		{"POST", "/phones/5511900000001/change", object{"kind": "nothing", "chat": "1@s.whatsapp.net"}, 400},
		{"POST", "/phones/5511900000002/unavailable", object{"to": "5511900000001", "text": "look", "kind": "view_once"}, 200},
		{"POST", "/groups/1/subject", object{"by": "5511900000001"}, 404},
		{"POST", "/malformed", object{"device": jid, "kind": wasim.FlagOnly}, 200},
		{"POST", "/malformed", object{"device": jid, "kind": "nonsense"}, 400},
		{"POST", "/malformed", object{"kind": wasim.FlagOnly}, 404},
		{"POST", "/expiremedia", nil, 200},
	} {
		if code := call(t, h, tc.method, tc.path, tc.in, nil); code != tc.want {
			t.Errorf("%s %s = %d, want %d", tc.method, tc.path, code, tc.want)
		}
	}
	bob.NewGroup("Pigeons", ana)
	var groups []wasim.GroupState
	if call(t, h, "GET", "/groups", nil, &groups); len(groups) != 1 || groups[0].Subject != "Pigeons" || len(groups[0].Members) != 2 {
		t.Errorf("groups = %+v", groups)
	}
	c.text("look")
	wait[*events.JoinedGroup](c, 1, nil)
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
}
