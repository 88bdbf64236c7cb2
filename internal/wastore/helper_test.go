package wastore_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.mau.fi/whatsmeow/proto/waAdv"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/store"
	"pombal/internal/wastore"
)

var (
	ctx         = context.Background()
	ctxCanceled = context.Canceled
)

// clock is a settable time.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// fataler is what *testing.T and *rapid.T have in common here.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// env is a container on a data file of its own.
type env struct {
	fataler
	path  string
	clock *clock
	db    *store.DB
	c     *wastore.Container
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := openEnv(t, filepath.Join(t.TempDir(), "pombal.db"))
	t.Cleanup(e.close)
	return e
}

func openEnv(f fataler, path string) *env {
	e := &env{fataler: f, path: path, clock: &clock{at: time.Date(2026, 8, 15, 12, 0, 0, 0, time.UTC)}}
	e.open()
	return e
}

func (e *env) open() {
	e.Helper()
	db, err := store.Open(e.path, store.Options{Now: e.clock.now, NoSync: true})
	e.ok(err)
	c, err := wastore.New(db, wastore.Options{Now: e.clock.now})
	e.ok(err)
	e.db, e.c = db, c
}

// close checks the file for consistency and closes it.
func (e *env) close() {
	e.Helper()
	e.ok(e.db.View(func(tx *bbolt.Tx) error {
		var all []error
		for err := range tx.Check() {
			all = append(all, err)
		}
		return errors.Join(all...)
	}))
	e.ok(e.c.Close())
	e.ok(e.db.Close())
}

// reopen makes all caches cold.
func (e *env) reopen() {
	e.Helper()
	e.close()
	e.open()
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatalf("unexpected error: %v", err)
	}
}

func (e *env) is(err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Fatalf("error = %v, want %v", err, want)
	}
}

// rows counts the rows of a bucket, those of its parts included.
func (e *env) rows(bucket string) int {
	e.Helper()
	count := 0
	var walk func(b *bbolt.Bucket) error
	walk = func(b *bbolt.Bucket) error {
		return b.ForEach(func(key, value []byte) error {
			if value == nil {
				return walk(b.Bucket(key))
			}
			count++
			return nil
		})
	}
	e.ok(e.db.View(func(tx *bbolt.Tx) error { return walk(tx.Bucket([]byte(bucket))) }))
	return count
}

// commits counts the commits the file has seen.
func (e *env) commits() int {
	id := 0
	e.ok(e.db.View(func(tx *bbolt.Tx) error {
		id = tx.ID()
		return nil
	}))
	return id
}

// unchanged runs fn and wants no commit from it.
func (e *env) unchanged(what string, fn func()) {
	e.Helper()
	before := e.commits()
	fn()
	if after := e.commits(); after != before {
		e.Fatalf("%s: %d commits, want none", what, after-before)
	}
}

func ourJID(user string, device uint16) types.JID {
	return types.JID{User: user, Device: device, Server: types.DefaultUserServer}
}

func pnJID(user string) types.JID { return types.NewJID(user, types.DefaultUserServer) }

func lidJID(user string) types.JID { return types.NewJID(user, types.HiddenUserServer) }

var group = types.NewJID("1203630", types.GroupServer)

func account() *waAdv.ADVSignedDeviceIdentity {
	return &waAdv.ADVSignedDeviceIdentity{
		Details:             []byte("details"),
		AccountSignature:    bytes.Repeat([]byte{1}, 64),
		AccountSignatureKey: bytes.Repeat([]byte{2}, 32),
		DeviceSignature:     bytes.Repeat([]byte{3}, 64),
	}
}

// pair saves a new device, as pairing does.
func (e *env) pair(jid types.JID) *wmstore.Device {
	e.Helper()
	d := e.c.NewDevice()
	d.ID = &jid
	d.Account = account()
	e.ok(d.Save(ctx))
	return d
}

func (e *env) load(jid types.JID) *wmstore.Device {
	e.Helper()
	d, err := e.c.Device(ctx, jid)
	e.ok(err)
	return d
}

// one is a container with one device.
func one(t *testing.T) (*env, *wmstore.Device) {
	t.Helper()
	e := newEnv(t)
	return e, e.pair(ourJID("100", 1))
}

func key32(b byte) [32]byte {
	var k [32]byte
	for i := range k {
		k[i] = b
	}
	return k
}

func equal[T comparable](t fataler, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s = %v, want %v", what, got, want)
	}
}

func equalBytes(t fataler, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
		t.Fatalf("%s = %#v, want %#v", what, got, want)
	}
}

// must returns v of a call that must not fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
