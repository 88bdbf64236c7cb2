package event_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pombal/internal/event"
)

func TestPartySame(t *testing.T) {
	t.Parallel()
	full := event.Party{JID: "1@s.whatsapp.net", LID: "10@lid"}
	for _, tc := range []struct {
		name string
		a, b event.Party
		want bool
	}{
		{"equal", full, full, true},
		{"by number", full, event.Party{JID: full.JID}, true},
		{"by lid", full, event.Party{LID: full.LID}, true},
		{"other number", full, event.Party{JID: "2@s.whatsapp.net"}, false},
		{"same number, other person", full, event.Party{JID: full.JID, LID: "20@lid"}, false},
		{"new number, same person", full, event.Party{JID: "2@s.whatsapp.net", LID: full.LID}, true},
		{"cannot be compared", event.Party{JID: full.JID}, event.Party{LID: full.LID}, true},
	} {
		if tc.a.Same(tc.b) != tc.want || tc.b.Same(tc.a) != tc.want {
			t.Errorf("%s: not %v", tc.name, tc.want)
		}
	}
	if full.Address() != full.JID || (event.Party{LID: "10@lid"}).Address() != "10@lid" || !(event.Party{}).IsZero() {
		t.Error("the number comes first, the LID where there is none")
	}
}

func TestNewJWTDraft(t *testing.T) {
	t.Parallel()
	d := event.NewJWTDraft("i1", "a1", time.Unix(0, 0), time.Unix(60, 0))
	raw, err := json.Marshal(d.Data)
	if err != nil || !d.Token || d.Type != event.NewJWT ||
		string(raw) != `{"authId":"a1","createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:01:00.000Z"}` {
		t.Errorf("draft %+v with %s, %v", d, raw, err)
	}
	if strings.Contains(string(raw), "eyJ") {
		t.Error("the draft holds a token")
	}
}
