package main

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pombal/internal/instance"
	"pombal/internal/store"
)

// The timeline names who did what: the person who is signed in, and the key that
// a program used, through either door.
func TestTimelineNamesTheActor(t *testing.T) {
	network, dir := startNetwork(t), t.TempDir()
	phone := network.NewPhone("5511987650001", "Shop Front")
	const global = "global-key-for-tests-0123456789"
	g := startGateway(t, settings(t, dir, network), append(ownerEnv(), "POMBAL_API_KEY="+global))
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop-front")
	o.pair(id, phone)
	at := "/instances/" + id

	o.submit(o.get(at), at+"/off", nil)
	o.submit(o.get(at), at+"/on", nil)
	o.untilPhase(id, "connected")
	status, answer := call(t, http.MethodDelete, g.Home+"/api/v2/instance/"+id+"/logout", map[string]string{"apikey": global}, "")
	if status != http.StatusOK {
		t.Fatalf("logout by the global key: %d %v", status, answer)
	}
	o.pair(id, phone)
	key, client := o.inSPRLKey(id)
	status, answer = call(t, http.MethodPost, g.Home+"/api/whatsapp/instance/logout", map[string]string{
		"Authorization": "Bearer " + key, "Content-Type": "application/json",
	}, `{"client_id":"`+client+`","instance_id":"`+id+`"}`)
	if status != http.StatusOK {
		t.Fatalf("logout by the client's key: %d %v", status, answer)
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}

	db, err := store.Open(filepath.Join(dir, "pombal.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	moments, err := db.Timeline(context.Background(), id, time.Time{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	by := func(kind instance.MomentKind, phase instance.Phase) (actors []string) {
		for _, m := range moments { // newest first
			if m.Kind == kind && m.Phase == phase {
				actor, _, _ := strings.Cut(m.Actor, ":") // without the prefix of a key
				if m.Actor == "user:"+ownerEmail {
					actor = m.Actor
				}
				actors = append(actors, actor)
			}
		}
		return actors
	}
	user := "user:" + ownerEmail
	for _, tc := range []struct {
		kind  instance.MomentKind
		phase instance.Phase
		want  string
	}{
		{instance.MomentPhase, instance.PhaseStopped, user},
		{instance.MomentPhase, instance.PhaseLoggedOut, "key global-key"},
		{instance.MomentLogout, instance.PhaseLoggedOut, "key global-key"},
	} {
		if got := strings.Join(by(tc.kind, tc.phase), " "); got != tc.want {
			t.Errorf("%s %s by %q, want %q", tc.kind, tc.phase, got, tc.want)
		}
	}
}
