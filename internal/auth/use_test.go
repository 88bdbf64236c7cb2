package auth_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pombal/internal/auth"
)

// useOf is what a credential was used for at a door.
func useOf(t *testing.T, s *auth.Service, h auth.Holder, door auth.Door) auth.Use {
	t.Helper()
	uses, err := s.Uses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(uses, func(u auth.Use) bool { return u.Holder == h && u.Door == door })
	if i < 0 {
		return auth.Use{}
	}
	return uses[i]
}

// Calls are counted by the hour, a day of them, whatever gaps there are and
// wherever the clock is set.
func TestCallsOfADay(t *testing.T) {
	t.Parallel()
	d := newDesk()
	h := auth.Holder{Kind: auth.HolderKey, ID: "k1"}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{
		{0, 1}, {time.Minute, 2}, {time.Hour, 3}, {22 * time.Hour, 4}, // 23 h 1 min after the first
		{time.Hour, 3}, // the two of the first hour are gone
		{-3 * time.Hour, 4}, {3 * time.Hour, 5}, {25 * time.Hour, 1}, {1000 * time.Hour, 1},
	} {
		d.clock.add(step.after)
		d.NoteUse(h, auth.DoorInSPRL, "192.0.2.1")
		if got := useOf(t, d.Service, h, auth.DoorInSPRL).Calls24h(d.clock.now()); got != step.want {
			t.Errorf("after %s: %d calls, want %d", step.after, got, step.want)
		}
	}
	u := useOf(t, d.Service, h, auth.DoorInSPRL)
	if !u.At.Equal(d.clock.now()) || u.From != "192.0.2.1" {
		t.Errorf("use = %+v", u)
	}
	if got := u.Calls24h(d.clock.now().Add(24 * time.Hour)); got != 0 {
		t.Errorf("a day later: %d", got)
	}
	if got := useOf(t, d.Service, h, auth.DoorCodeChat); !got.At.IsZero() {
		t.Errorf("at a door that was not used: %+v", got)
	}
}

// Calls cost no write of their own; counts go on after a restart.
func TestUsesAreKept(t *testing.T) {
	t.Parallel()
	d := newDesk()
	h := auth.Holder{Kind: auth.HolderToken, ID: "i1"}
	if err := d.LoadUses(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		d.NoteUse(h, auth.DoorCodeChat, "192.0.2.1")
	}
	if n := d.vault.count("PutUses"); n != 0 {
		t.Fatalf("%d writes by calls", n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	d.KeepUses(ended) // writes a last time
	again := d.restart()
	if err := again.LoadUses(t.Context()); err != nil {
		t.Fatal(err)
	}
	again.NoteUse(h, auth.DoorCodeChat, "192.0.2.2")
	u := useOf(t, again.Service, h, auth.DoorCodeChat)
	if got := u.Calls24h(d.clock.now()); got != 501 || u.From != "192.0.2.2" {
		t.Errorf("after a restart: %d calls, %+v", got, u)
	}
}

// That a credential came into use is written at once, though not by the call.
func TestFirstUseIsWrittenSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // no time passes in it
		d := newDesk()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); d.KeepUses(ctx) }()
		d.NoteUse(auth.Holder{Kind: auth.HolderGlobal}, auth.DoorCodeChat, "")
		synctest.Wait()
		if n := d.vault.count("PutUses"); n != 1 {
			t.Errorf("the first use was written %d times, want once", n)
		}
		cancel()
		<-done
	})
}

// A disk that refuses writes loses no counts and shuts no door.
func TestUsesWaitForTheDisk(t *testing.T) {
	t.Parallel()
	d := newDesk()
	h := auth.Holder{Kind: auth.HolderGlobal}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	d.vault.fail["PutUses"] = errors.New("disk is full")
	d.NoteUse(h, auth.DoorCodeChat, "")
	d.KeepUses(ended)
	delete(d.vault.fail, "PutUses")
	d.KeepUses(ended)
	stored, err := d.vault.Uses(t.Context())
	if err != nil || len(stored) != 1 || stored[0].Calls24h(d.clock.now()) != 1 {
		t.Errorf("stored %+v, %v", stored, err)
	}
}

// Listed keys say when and from where they were last used; a revoked key
// leaves nothing.
func TestLastUseOfAKey(t *testing.T) {
	t.Parallel()
	d := newDesk()
	_, k, err := d.CreateKey(t.Context(), auth.KeyParams{Name: "n8n", Scopes: []auth.Scope{auth.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	h := auth.Holder{Kind: auth.HolderKey, ID: k.ID}
	d.NoteUse(h, auth.DoorCodeChat, "192.0.2.1")
	d.clock.add(time.Minute)
	d.NoteUse(h, auth.DoorInSPRL, "192.0.2.2")
	list, err := d.AllAPIKeys(t.Context())
	if err != nil || len(list) != 1 || list[0].UsedFrom != "192.0.2.2" || !list[0].UsedAt.Equal(d.clock.now()) {
		t.Errorf("keys = %+v, %v", list, err)
	}
	if err := d.RevokeKey(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	if uses, err := d.Uses(t.Context()); err != nil || len(uses) != 0 {
		t.Errorf("uses of a revoked key: %+v, %v", uses, err)
	}
}
