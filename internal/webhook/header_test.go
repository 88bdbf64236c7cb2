package webhook_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pombal/internal/webhook"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	many, long := "", "X-Long: "+strings.Repeat("a", 4096)
	for i := range 21 {
		many += fmt.Sprintf("X-%d: v\n", i)
	}
	for text, want := range map[string]string{
		"X-Tenant: acme":                  "",
		"  X-Tenant :acme\r\n\r\nX-B: 1 ": "",
		"X-A:v\nAuthorization: Bearer x":  "",
		"no colon":                        "error.header_form",
		": v":                             "error.header_form",
		"X-Empty:":                        "error.header_form",
		"X A: v":                          "error.header_form",
		"X-A: v\x01":                      "error.header_form",
		"X-É: v":                          "error.header_form",
		"X-A: é":                          "error.header_form",
		"X(A): v":                         "error.header_form",
		"Host: x":                         "error.header_reserved",
		"connection: close":               "error.header_reserved",
		"Transfer-Encoding: chunked":      "error.header_reserved",
		"Proxy-Authorization: x":          "error.header_reserved",
		"TE: trailers":                    "error.header_reserved",
		"Upgrade: h2c":                    "error.header_reserved",
		"Content-Length: 3":               "error.header_reserved",
		"webhook-signature: v1,x":         "error.header_reserved",
		"X-InstanceId: x":                 "error.header_reserved",
		"replayed: no":                    "error.header_reserved",
		"X-A: 1\nx-a: 2":                  "error.header_twice",
		many:                              "error.headers_limit",
		long:                              "error.headers_limit",
	} {
		_, err := webhook.ParseHeaders(text, "")
		got := ""
		if err != nil {
			got = faults(t, err)["headers"]
		}
		if got != want {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
	}
}

func TestMaskedHeadersKeepTheirValue(t *testing.T) {
	t.Parallel()
	stored, err := webhook.ParseHeaders("Authorization: Bearer canary\nX-B: two", "")
	if err != nil {
		t.Fatal(err)
	}
	shown := stored.Masked()
	if strings.Contains(shown, "canary") || strings.Contains(shown, "two") {
		t.Errorf("the form shows %q", shown)
	}
	again, err := webhook.ParseHeaders(strings.Replace(shown, "X-B: "+webhook.Masked, "X-B: three", 1), stored)
	if err != nil {
		t.Fatal(err)
	}
	if want := webhook.Headers("Authorization: Bearer canary\nX-B: three\n"); again != want {
		t.Errorf("got %q, want %q", again, want)
	}
}

// The ledger keeps heads without what is secret in them.
func TestLedgerHeads(t *testing.T) {
	t.Parallel()
	srv, client := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer canary" || r.Header.Get("replayed") != "true" {
			w.WriteHeader(http.StatusTeapot)
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "canary"})
		w.Header().Set("X-Answer", "yes")
	})
	j := job(srv.URL+"/hook", linkedBody)
	j.Webhook.Headers = "Authorization: Bearer canary\n"
	j.Delivery.Replay = true
	a := webhook.NewSender(client, "test", nil).Send(t.Context(), j).Attempt
	if a.StatusCode != 200 {
		t.Fatalf("status %d: the headers did not arrive", a.StatusCode)
	}
	for _, want := range []string{"POST /hook HTTP/1.1", "webhook-id: ", "webhook-signature: v1,", "replayed: true", webhook.Masked} {
		if !strings.Contains(a.Request, want) {
			t.Errorf("no %q in the head of the call:\n%s", want, a.Request)
		}
	}
	if !strings.Contains(a.Answer, "X-Answer: yes") || strings.Contains(a.Answer+a.Request, "canary") {
		t.Errorf("heads:\n%s\n%s", a.Request, a.Answer)
	}
	if a.Address == "" || a.Split.FirstByte <= 0 {
		t.Errorf("address %q, split %+v", a.Address, a.Split)
	}
}

// For a day after a rotation each of both secrets verifies; then the new one.
func TestRotation(t *testing.T) {
	t.Parallel()
	d := newDesk()
	w := d.create(t)
	rotated, err := d.Rotate(t.Context(), "i1", w.ID)
	if err != nil || rotated.Secret == w.Secret || rotated.Previous != w.Secret {
		t.Fatalf("got %+v, %v", rotated, err)
	}
	for after, want := range map[time.Duration]int{0: 2, 23 * time.Hour: 2, 25 * time.Hour: 1} {
		var got string
		srv, client := receiver(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("webhook-signature") })
		j := job(srv.URL, linkedBody)
		j.Webhook = rotated
		j.Webhook.URL = srv.URL
		at := d.now.Add(after)
		webhook.NewSender(client, "test", func() time.Time { return at }).Send(t.Context(), j)
		signatures := strings.Fields(got)
		if len(signatures) != want {
			t.Fatalf("after %v: %d signatures, want %d", after, len(signatures), want)
		}
		for i, secret := range []string{rotated.Secret, rotated.Previous}[:want] {
			if good, err := webhook.Sign(secret, j.Event.ID, at, []byte(linkedBody)); err != nil || signatures[i] != good {
				t.Errorf("after %v: signature %d is %q, want %q", after, i, signatures[i], good)
			}
		}
	}
}
