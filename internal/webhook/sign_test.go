package webhook_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"pombal/internal/webhook"
)

type vector struct {
	Name, Secret, ID, Signature string
	Timestamp                   int64
	Body                        []byte
}

// vectors reads the golden signatures; they were computed by another
// implementation, and the first is one that the standard's authors published.
func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSignGolden(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			got, err := webhook.Sign(v.Secret, v.ID, time.Unix(v.Timestamp, 999_999_999), v.Body)
			if err != nil || got != v.Signature {
				t.Errorf("got %q, %v; want %q", got, err, v.Signature)
			}
		})
	}
}

func TestSignChangesWithEveryInput(t *testing.T) {
	t.Parallel()
	v := vectors(t)[0]
	other := []string{}
	add := func(secret, id string, at int64, body []byte) {
		got, err := webhook.Sign(secret, id, time.Unix(at, 0), body)
		if err != nil {
			t.Fatal(err)
		}
		other = append(other, got)
	}
	add("whsec_NfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", v.ID, v.Timestamp, v.Body)
	add(v.Secret, v.ID+"x", v.Timestamp, v.Body)
	add(v.Secret, v.ID, v.Timestamp+1, v.Body)
	for i := range v.Body {
		body := append([]byte(nil), v.Body...)
		body[i] ^= 1
		add(v.Secret, v.ID, v.Timestamp, body)
	}
	for i, got := range other {
		if got == v.Signature {
			t.Errorf("change %d gave the same signature", i)
		}
	}
}

func TestSignRefusesSecretsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%", "WHSEC_MfKQ"} {
		if got, err := webhook.Sign(secret, "e1", time.Unix(0, 0), nil); err == nil {
			t.Errorf("%q: got %q, want an error", secret, got)
		}
	}
}
