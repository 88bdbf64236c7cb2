package auth_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pombal/internal/auth"
)

// vault is an auth.Store in memory.
type vault struct {
	mu        sync.Mutex
	users     map[string]auth.User
	sessions  map[string]auth.Session
	keys      map[string]auth.APIKey
	throttles map[string]auth.Throttle
	secrets   map[string][]byte
	uses      []auth.Use
	writes    map[string]int // changes by method
	fail      map[string]error
}

func newVault() *vault {
	return &vault{
		users: make(map[string]auth.User), sessions: make(map[string]auth.Session), keys: make(map[string]auth.APIKey),
		throttles: make(map[string]auth.Throttle), secrets: make(map[string][]byte), writes: make(map[string]int),
		fail: make(map[string]error),
	}
}

// wrote notes a change and gives the error it is to have.
func (v *vault) wrote(method string) error {
	v.writes[method]++
	return v.fail[method]
}

func (v *vault) count(method string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.writes[method]
}

// dump is everything that would lie in the file.
func (v *vault) dump(t *testing.T) []byte {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	raw, err := json.Marshal([]any{v.users, v.sessions, v.keys, v.throttles})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func find[T any](m map[string]T, id string) (T, error) {
	v, ok := m[id]
	if !ok {
		return v, auth.ErrNoSuch
	}
	return v, nil
}

func alter[T any](m map[string]T, id string, change func(*T) error) (T, error) {
	v, err := find(m, id)
	if err != nil {
		return v, err
	}
	if err := change(&v); err != nil {
		return v, err
	}
	m[id] = v
	return v, nil
}

func (v *vault) CountUsers(context.Context) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.users), v.fail["CountUsers"]
}

func (v *vault) CreateFirstUser(_ context.Context, u auth.User) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.users) > 0 {
		return auth.ErrSetupDone
	}
	if err := v.wrote("CreateFirstUser"); err != nil {
		return err
	}
	v.users[u.ID] = u
	return nil
}

func (v *vault) User(_ context.Context, id string) (auth.User, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return find(v.users, id)
}

func (v *vault) UserByEmail(_ context.Context, email string) (auth.User, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for u := range maps.Values(v.users) {
		if u.Email == email {
			return u, nil
		}
	}
	return auth.User{}, auth.ErrNoSuch
}

func (v *vault) UpdateUser(_ context.Context, id string, change func(*auth.User) error) (auth.User, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.wrote("UpdateUser"); err != nil {
		return auth.User{}, err
	}
	return alter(v.users, id, change)
}

func (v *vault) CreateSession(_ context.Context, s auth.Session) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sessions[s.ID] = s
	return v.wrote("CreateSession")
}

func (v *vault) Session(_ context.Context, id string) (auth.Session, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return find(v.sessions, id)
}

func (v *vault) UpdateSession(_ context.Context, id string, change func(*auth.Session) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.wrote("UpdateSession"); err != nil {
		return err
	}
	_, err := alter(v.sessions, id, change)
	return err
}

func (v *vault) DeleteSession(_ context.Context, id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, err := find(v.sessions, id)
	delete(v.sessions, id)
	return err
}

func (v *vault) SessionsOf(_ context.Context, userID string) ([]auth.Session, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var own []auth.Session
	for s := range maps.Values(v.sessions) {
		if s.UserID == userID {
			own = append(own, s)
		}
	}
	return own, v.fail["SessionsOf"]
}

func (v *vault) ReplaceSessions(_ context.Context, userID string, change func(*auth.User) error, next auth.Session) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.wrote("ReplaceSessions"); err != nil {
		return err
	}
	if _, err := alter(v.users, userID, change); err != nil {
		return err
	}
	maps.DeleteFunc(v.sessions, func(_ string, s auth.Session) bool { return s.UserID == userID })
	v.sessions[next.ID] = next
	return nil
}

func (v *vault) DeleteSessionsBefore(_ context.Context, seen time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.DeleteFunc(v.sessions, func(_ string, s auth.Session) bool { return s.SeenAt.Before(seen) })
	return v.fail["DeleteSessionsBefore"]
}

func (v *vault) CreateAPIKey(_ context.Context, k auth.APIKey) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys[k.ID] = k
	return nil
}

func (v *vault) APIKeyByHash(_ context.Context, hash string) (auth.APIKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for k := range maps.Values(v.keys) {
		if k.Hash == hash {
			return k, nil
		}
	}
	return auth.APIKey{}, auth.ErrNoSuch
}

func (v *vault) APIKeys(_ context.Context, instanceID string) ([]auth.APIKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var list []auth.APIKey
	for k := range maps.Values(v.keys) {
		if k.InstanceID == instanceID {
			list = append(list, k)
		}
	}
	return list, nil
}

func (v *vault) AllAPIKeys(context.Context) ([]auth.APIKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Collect(maps.Values(v.keys)), nil
}

func (v *vault) APIKey(_ context.Context, id string) (auth.APIKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return find(v.keys, id)
}

func (v *vault) ReplaceAPIKey(_ context.Context, id string, next auth.APIKey, change func(*auth.APIKey) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.wrote("ReplaceAPIKey"); err != nil {
		return err
	}
	_, err := alter(v.keys, id, change)
	if err == nil {
		v.keys[next.ID] = next
	}
	return err
}

func (v *vault) Uses(context.Context) ([]auth.Use, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.uses), nil
}

func (v *vault) PutUses(_ context.Context, uses []auth.Use) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.wrote("PutUses"); err != nil {
		return err
	}
	for _, u := range uses {
		v.uses = append(slices.DeleteFunc(v.uses, func(old auth.Use) bool { return old.Holder == u.Holder && old.Door == u.Door }), u)
	}
	return nil
}

func (v *vault) DeleteAPIKey(_ context.Context, id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, err := find(v.keys, id)
	delete(v.keys, id)
	return err
}

func (v *vault) Throttle(_ context.Context, key string) (auth.Throttle, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.throttles[key], nil
}

func (v *vault) PutThrottle(_ context.Context, key string, t auth.Throttle) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.throttles[key] = t
	return v.wrote("PutThrottle")
}

func (v *vault) DeleteThrottle(_ context.Context, key string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.throttles, key)
	return nil
}

func (v *vault) Secret(_ context.Context, name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.secrets[name] == nil {
		v.secrets[name] = make([]byte, 32)
		if _, err := rand.Read(v.secrets[name]); err != nil {
			return nil, err
		}
	}
	return bytes.Clone(v.secrets[name]), nil
}

var _ auth.Store = (*vault)(nil)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// desk is a Service with everything around it.
type desk struct {
	*auth.Service
	vault *vault
	clock *clock
}

const (
	email    = "ana@example.com"
	password = "seven green bicycles"
)

func newDesk(change ...func(*auth.Deps)) desk {
	d := desk{vault: newVault(), clock: &clock{t: time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)}}
	deps := auth.Deps{Store: d.vault, Now: d.clock.now}
	for _, c := range change {
		c(&deps)
	}
	d.Service = auth.NewService(deps)
	d.Cheapen()
	return d
}

// newCostlyDesk hashes passwords as production does.
func newCostlyDesk() desk {
	d := newDesk()
	return d.restart()
}

// restart makes another Service on the same file.
func (d desk) restart() desk {
	d.Service = auth.NewService(auth.Deps{Store: d.vault, Now: d.clock.now})
	return d
}

// withOwner adds the owner.
func (d desk) withOwner(t *testing.T) desk {
	t.Helper()
	if err := d.EnsureOwner(t.Context(), email, password); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d desk) login(t *testing.T, pass, address string) (string, auth.Session, error) {
	t.Helper()
	return d.Login(t.Context(), auth.LoginParams{Email: email, Password: pass, Session: auth.SessionParams{Address: address}})
}

// owner gives the only user.
func (d desk) owner(t *testing.T) auth.User {
	t.Helper()
	u, err := d.vault.UserByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
