package auth_test

import (
	"errors"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

const another = "quite another long phrase"

func TestChangePassword(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	here, _ := d.open(t, false)
	there, _ := d.open(t, true)
	for _, bad := range []struct {
		field string
		p     auth.PasswordParams
	}{
		{"current", auth.PasswordParams{Current: "not this one at all", New: another}},
		{"new", auth.PasswordParams{Current: password, New: "short"}},
	} {
		_, _, err := d.ChangePassword(t.Context(), d.owner(t).ID, bad.p)
		if p := problem.As(err); p == nil || len(p.Fields) != 1 || p.Fields[0].Name != bad.field {
			t.Errorf("%s: %v", bad.field, err)
		}
	}
	if !d.alive(t, here, false) || !d.alive(t, there, false) {
		t.Fatal("a refused change ended a session")
	}
	token, _, err := d.ChangePassword(t.Context(), d.owner(t).ID, auth.PasswordParams{Current: password, New: another})
	if err != nil {
		t.Fatal(err)
	}
	if d.alive(t, here, false) || d.alive(t, there, false) || !d.alive(t, token, false) {
		t.Error("after the change only the new session is to live")
	}
	if _, _, err := d.login(t, password, "192.0.2.1"); !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("the old password: %v", err)
	}
	if _, _, err := d.login(t, another, "192.0.2.1"); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

func TestListAndEndSessions(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	old, _ := d.open(t, false)
	d.clock.add(auth.IdleLimit)
	first, s1 := d.open(t, false)
	d.clock.add(time.Minute)
	second, s2 := d.open(t, false)
	id := d.owner(t).ID
	list, err := d.Sessions(t.Context(), id)
	if err != nil || len(list) != 2 || list[0].ID != s2.ID || list[1].ID != s1.ID {
		t.Fatalf("the list is %v, %v", list, err)
	}
	if err := d.EndSession(t.Context(), "somebody-else", s1.ID); !errors.Is(err, auth.ErrNoSuch) {
		t.Errorf("another's session: %v", err)
	}
	if err := d.EndSession(t.Context(), id, s1.ID); err != nil || d.alive(t, first, false) || !d.alive(t, second, false) {
		t.Errorf("end one: %v", err)
	}
	d.open(t, true)
	if n, err := d.EndOtherSessions(t.Context(), id, s2.ID); err != nil || n < 1 || !d.alive(t, second, false) || d.alive(t, old, false) {
		t.Errorf("end the others: %d, %v", n, err)
	}
}

func TestPairingLink(t *testing.T) {
	t.Parallel()
	d := newDesk().withOwner(t)
	until := d.clock.now().Add(auth.LinkLimit).Truncate(time.Second)
	linked := d.clock.now().Add(-time.Hour)
	want := auth.LinkClaims{InstanceID: "shop.1:a", LinkedAt: linked, ExpiresAt: until}
	text, err := d.PairingLink(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.ParsePairingLink(t.Context(), text)
	if err != nil || got.InstanceID != want.InstanceID || !got.ExpiresAt.Equal(until) || !got.SameLink(linked) ||
		got.SameLink(linked.Add(time.Minute)) || got.SameLink(time.Time{}) {
		t.Errorf("read %+v, %v", got, err)
	}
	for i := range len(text) - 1 { // the last character has bits that say nothing
		forged := []byte(text)
		forged[i] ^= 1
		if _, err := d.ParsePairingLink(t.Context(), string(forged)); !errors.Is(err, auth.ErrNoSuch) {
			t.Fatalf("character %d changed: %v", i, err)
		}
	}
	for _, text := range []string{"", "AAAA", text[:len(text)-2], text + "AA"} {
		if _, err := d.ParsePairingLink(t.Context(), text); !errors.Is(err, auth.ErrNoSuch) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	d.clock.add(auth.LinkLimit)
	if _, err := d.ParsePairingLink(t.Context(), text); !errors.Is(err, auth.ErrNoSuch) {
		t.Errorf("after its time: %v", err)
	}
}
