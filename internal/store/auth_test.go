package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/problem"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
)

func TestOnlyOneFirstUser(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	var made atomic.Int32
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			u := auth.User{ID: fmt.Sprintf("u%d", i), Email: fmt.Sprintf("u%d@example.org", i)}
			switch err := db.CreateFirstUser(context.Background(), u); {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, auth.ErrSetupDone):
				t.Errorf("create: %v", err)
			}
		})
	}
	wg.Wait()
	wantEqual(t, "made", made.Load(), 1)
	n, err := db.CountUsers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "users", n, 1)
}

func TestUsersAreFoundByTheirAddress(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	if err := db.CreateFirstUser(t.Context(), auth.User{ID: "u", Email: "ana@example.org"}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.UpdateUser(t.Context(), "u", func(u *auth.User) error { u.Email = "eva@example.org"; return nil }); err != nil {
		t.Fatal(err)
	}
	if u, err := db.UserByEmail(t.Context(), "EVA@example.org"); err != nil || u.ID != "u" {
		t.Errorf("present address: got %+v, %v", u, err)
	}
	for name, err := range map[string]error{
		"old address": second(db.UserByEmail(t.Context(), "ana@example.org")),
		"unknown id":  second(db.User(t.Context(), "x")),
		"no id":       second(db.User(t.Context(), "")),
		"update": second(db.UpdateUser(t.Context(), "x", func(*auth.User) error {
			t.Error("change was called for nobody")
			return nil
		})),
	} {
		if !errors.Is(err, auth.ErrNoSuch) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := db.UpdateUser(t.Context(), "u", func(u *auth.User) error { u.ID = "v"; return nil }); err == nil {
		t.Error("a change of the id was stored")
	}
}

func second[T any](_ T, err error) error { return err }

func TestSessions(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for i, id := range []string{"old", "new"} {
		s := auth.Session{ID: id, CSRFKey: []byte{1, 2}, SeenAt: start.Add(time.Duration(i) * time.Hour)}
		if err := db.CreateSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.UpdateSession(t.Context(), "new", func(s *auth.Session) error { s.Address = "::1"; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteSessionsBefore(t.Context(), start.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	s, err := db.Session(t.Context(), "new")
	if err != nil || s.Address != "::1" || !bytes.Equal(s.CSRFKey, []byte{1, 2}) {
		t.Errorf("session: got %+v, %v", s, err)
	}
	if err := db.DeleteSession(t.Context(), "new"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"swept":   second(db.Session(t.Context(), "old")),
		"deleted": second(db.Session(t.Context(), "new")),
		"update":  db.UpdateSession(t.Context(), "new", func(*auth.Session) error { return nil }),
		"delete":  db.DeleteSession(t.Context(), "new"),
	} {
		if !errors.Is(err, auth.ErrNoSuch) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := db.CreateSession(t.Context(), auth.Session{ID: "../x"}); err == nil {
		t.Error("a session id with a slash was accepted")
	}
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newInstance(t, db, "b")
	for i, k := range []auth.APIKey{{ID: "k2", InstanceID: "a"}, {ID: "k1", InstanceID: "a"}, {ID: "k3", InstanceID: "b"}} {
		k.Hash, k.CreatedAt = "hash-"+k.ID, start.Add(time.Duration(i)*time.Second)
		if err := db.CreateAPIKey(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	list, err := db.APIKeys(t.Context(), "a")
	if err != nil || len(list) != 2 || list[0].ID != "k2" {
		t.Errorf("keys: got %+v, %v", list, err)
	}
	next := auth.APIKey{ID: "k4", Hash: "hash-k4", CreatedAt: start.Add(time.Minute)}
	if err := db.ReplaceAPIKey(t.Context(), "k1", next, func(k *auth.APIKey) error { k.InstanceID = "b"; return nil }); err == nil {
		t.Error("a key was moved to another instance")
	}
	refused := errors.New("no")
	if err := db.ReplaceAPIKey(t.Context(), "k1", next, func(*auth.APIKey) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("replace: %v", err)
	}
	if k, err := db.APIKey(t.Context(), "k4"); !errors.Is(err, auth.ErrNoSuch) {
		t.Errorf("a refused replacement left %+v, %v", k, err)
	}
	if err := db.ReplaceAPIKey(t.Context(), "k1", next, func(k *auth.APIKey) error { k.ReplacedBy = "k4"; return nil }); err != nil {
		t.Fatal(err)
	}
	if k, err := db.APIKeyByHash(t.Context(), "hash-k1"); err != nil || k.ReplacedBy != "k4" {
		t.Errorf("key: got %+v, %v", k, err)
	}
	if all, err := db.AllAPIKeys(t.Context()); err != nil || len(all) != 4 || all[3].ID != "k4" {
		t.Errorf("all keys: got %+v, %v", all, err)
	}
	if err := db.DeleteAPIKey(t.Context(), "k1"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"by hash": second(db.APIKeyByHash(t.Context(), "hash-k1")),
		"delete":  db.DeleteAPIKey(t.Context(), "k1"),
		"replace": db.ReplaceAPIKey(t.Context(), "k1", auth.APIKey{ID: "k5", Hash: "hash-k5"}, func(*auth.APIKey) error { return nil }),
		"by id":   second(db.APIKey(t.Context(), "k1")),
		"empty":   second(db.APIKeyByHash(t.Context(), "")),
	} {
		if !errors.Is(err, auth.ErrNoSuch) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	again := auth.APIKey{ID: "k9", InstanceID: "a", Hash: "hash-k2"}
	if err := db.CreateAPIKey(t.Context(), again); problem.KindOf(err) != problem.Conflict {
		t.Errorf("second key with a hash: got %v", err)
	}
}

func TestThrottlesKeepNoAddressInClear(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pombal.db")
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	key := "account:my-Secret-canary-password" + strings.Repeat("x", 1<<16)
	want := auth.Throttle{Failures: 3, Until: start, LastAt: start}
	if err := db.PutThrottle(t.Context(), key, want); err != nil {
		t.Fatal(err)
	}
	got, err := db.Throttle(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "throttle", got, want)
	for range 2 {
		if err := db.DeleteThrottle(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := db.Throttle(t.Context(), key); err != nil || got != (auth.Throttle{}) {
		t.Errorf("forgotten: got %+v, %v", got, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("canary")) {
		t.Error("the key lies in the file in clear")
	}
}

func TestSecretsStayAndDiffer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pombal.db")
	open := func() *store.DB {
		db, err := store.Open(path, store.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	var wg sync.WaitGroup
	seen := make([][]byte, 8)
	for i := range seen {
		wg.Go(func() {
			secret, err := db.Secret(context.Background(), "jwt")
			if err != nil {
				t.Errorf("secret: %v", err)
			}
			seen[i] = secret
		})
	}
	wg.Wait()
	other, err := db.Secret(t.Context(), "csrf")
	if err != nil || bytes.Equal(other, seen[0]) {
		t.Errorf("other secret: got %x, %v", other, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open()
	again, err := db.Secret(t.Context(), "jwt")
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "length", len(again), 32)
	for _, secret := range seen {
		if !bytes.Equal(secret, again) {
			t.Errorf("secret: got %x, want %x", secret, again)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// What credentials were used for goes with them.
func TestUsesGoWithTheirCredential(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	if err := db.CreateAPIKey(t.Context(), auth.APIKey{ID: "k1", InstanceID: "a", Hash: "hash-k1"}); err != nil {
		t.Fatal(err)
	}
	use := func(kind auth.HolderKind, id string) auth.Use {
		u := auth.Use{Holder: auth.Holder{Kind: kind, ID: id}, Door: auth.DoorInSPRL, At: start, From: "192.0.2.1", Hour: start.Unix() / 3600}
		u.Calls[u.Hour%24] = 7
		return u
	}
	uses := []auth.Use{
		use(auth.HolderKey, "k1"), use(auth.HolderKey, "gone"), use(auth.HolderToken, "a"), use(auth.HolderOldToken, "a"),
		use(auth.HolderToken, "gone"), use(auth.HolderBusiness, "gone"), use(auth.HolderGlobal, ""),
	}
	left := func(want int) []auth.Use {
		t.Helper()
		list, err := db.Uses(t.Context())
		if err != nil || len(list) != want {
			t.Errorf("uses = %+v, %v; want %d", list, err, want)
		}
		return list
	}
	for range 2 { // the second time nothing has changed
		if err := db.PutUses(t.Context(), uses); err != nil {
			t.Fatal(err)
		}
		for _, u := range left(4) {
			if u.Calls24h(start) != 7 || u.From != "192.0.2.1" || !u.At.Equal(start) {
				t.Errorf("use = %+v", u)
			}
		}
	}
	if err := db.DeleteAPIKey(t.Context(), "k1"); err != nil {
		t.Fatal(err)
	}
	left(3)
	remove(t, db, "a")
	if list := left(1); len(list) == 1 && list[0].Kind != auth.HolderGlobal {
		t.Errorf("left: %+v", list)
	}
}
