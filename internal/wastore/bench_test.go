package wastore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/store"
	"pombal/internal/wastore"
	"pombal/internal/webhook"
)

// The benchmarks compare with the engine's own store on SQLite (WAL, every
// commit synced) in one run, the two in turns: figures of a busy machine say
// little, their ratio more.

const (
	benchPeers  = 50
	benchWindow = time.Second
	benchTurns  = 2
)

// contender is one of the two stores, with an outbox in the same file.
type contender struct {
	name    string
	devices []*wmstore.Device
	enqueue func(ctx context.Context, device, n int) error
	commits func() int // -1 when it cannot tell
	close   func() error
}

func benchDevice(container wmstore.DeviceContainer, device *wmstore.Device, n int) error {
	jid := ourJID(fmt.Sprint(5000+n), 1)
	device.ID, device.Account, device.Container = &jid, account(), container
	return device.Save(ctx)
}

// seed gives a device sessions and identities with its peers.
func seed(d *wmstore.Device) error {
	sessions := map[string][]byte{}
	var failed error
	for p := range benchPeers {
		sessions[fmt.Sprint(p, ":0")] = make([]byte, 1500)
		failed = errors.Join(failed, d.Identities.PutIdentity(ctx, fmt.Sprint(p, ":0"), key32(1)))
	}
	return errors.Join(failed, d.Sessions.PutManySessions(ctx, sessions))
}

func ownBench(b *testing.B, devices int) *contender {
	b.Helper()
	db, err := store.Open(filepath.Join(b.TempDir(), "pombal.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	c, err := wastore.New(db, wastore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	own := &contender{name: "pombal", close: func() error { return errors.Join(c.Close(), db.Close()) }}
	for n := range devices {
		id := fmt.Sprint("i", n)
		_, failed := db.CreateInstance(ctx, instance.Instance{ID: id, Name: id, State: instance.Active})
		d := c.NewDevice()
		if err := errors.Join(failed, benchDevice(c, d, n), seed(d), db.CreateWebhook(ctx, webhook.Webhook{
			ID: id, InstanceID: id, URL: "https://example.org", Enabled: true, Events: webhook.Events{Toggles: webhook.AllToggles()},
		})); err != nil {
			b.Fatal(err)
		}
		own.devices = append(own.devices, d)
	}
	text := strings.Repeat("x", 500)
	own.enqueue = func(ctx context.Context, device, n int) error {
		_, err := db.AppendEvents(ctx, event.Draft{
			InstanceID: fmt.Sprint("i", device), Type: event.MessagesUpsert, Key: fmt.Sprint(n), Data: text,
		})
		return err
	}
	own.commits = func() (id int) {
		_ = db.View(func(tx *bbolt.Tx) error { id = tx.ID(); return nil })
		return id
	}
	return own
}

func sqlBench(b *testing.B, devices int) *contender {
	b.Helper()
	dsn := "file:" + filepath.Join(b.TempDir(), "engine.db") +
		"?_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	c := sqlstore.NewWithDB(db, "sqlite3", nil)
	_, failed := db.Exec("CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, device INTEGER, body BLOB)")
	if err := errors.Join(c.Upgrade(ctx), failed); err != nil {
		b.Fatal(err)
	}
	own := &contender{name: "sqlite", close: db.Close, commits: func() int { return -1 }}
	for n := range devices {
		d := c.NewDevice()
		if err := errors.Join(benchDevice(c, d, n), seed(d)); err != nil {
			b.Fatal(err)
		}
		own.devices = append(own.devices, d)
	}
	if _, err := db.Exec("PRAGMA synchronous=FULL"); err != nil {
		b.Fatal(err)
	}
	body := []byte(strings.Repeat("x", 700))
	own.enqueue = func(ctx context.Context, device, _ int) error {
		_, err := db.ExecContext(ctx, "INSERT INTO outbox (device, body) VALUES (?, ?)", device, body)
		return err
	}
	return own
}

// inbound makes the calls of one received message up to its acknowledgement,
// and the one after.
func (s *contender) inbound(ctx context.Context, device, n int, session []byte) error {
	d := s.devices[device]
	peer := fmt.Sprint(n%benchPeers, ":0")
	hash := [32]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
	if _, err := d.EventBuffer.GetBufferedEvent(ctx, hash); err != nil {
		return err
	}
	err := d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		_, e1 := d.Sessions.HasSession(ctx, peer)
		_, e2 := d.Sessions.GetSession(ctx, peer)
		_, e3 := d.Identities.IsTrustedIdentity(ctx, peer, key32(1))
		return errors.Join(e1, e2, e3,
			d.Identities.PutIdentity(ctx, peer, key32(1)),
			d.Sessions.PutSession(ctx, peer, session),
			d.EventBuffer.PutBufferedEvent(ctx, hash, session[:350], time.Now()))
	})
	chat := types.NewJID(fmt.Sprint(n%benchPeers), types.DefaultUserServer)
	return errors.Join(err,
		d.MsgSecrets.PutMessageSecret(ctx, chat, chat, fmt.Sprint(n), session[:32]),
		s.enqueue(ctx, device, n),
		d.EventBuffer.ClearBufferedEventPlaintext(ctx, hash))
}

// turnResult is what a turn of a benchmark showed.
type turnResult struct {
	messages int
	took     time.Duration
	cpu      time.Duration
	commits  int
	waits    []time.Duration
}

func cpuTime() time.Duration {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use)
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// turn lets all devices receive as fast as they can; round keeps the messages
// of one turn from being those of another.
func (s *contender) turn(b *testing.B, round int) (r turnResult) {
	b.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	commits, cpu, began := s.commits(), cpuTime(), time.Now()
	for device := range s.devices {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(device), uint64(round)))
			session := make([]byte, 1500)
			var waits []time.Duration
			for n := round << 24; time.Since(began) < benchWindow; n++ {
				session[random.IntN(len(session))]++
				start := time.Now()
				if err := s.inbound(ctx, device, n, session); err != nil {
					b.Error(s.name, err)
					return
				}
				waits = append(waits, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			r.messages += len(waits)
			r.waits = append(r.waits, waits...)
		})
	}
	wg.Wait()
	r.took, r.cpu, r.commits = time.Since(began), cpuTime()-cpu, s.commits()-commits
	return r
}

func (r *turnResult) add(other turnResult) {
	r.messages += other.messages
	r.took += other.took
	r.cpu += other.cpu
	r.commits += other.commits
	r.waits = append(r.waits, other.waits...)
}

func (r *turnResult) rate() float64 { return float64(r.messages) / r.took.Seconds() }

func (r *turnResult) cpuPer() float64 {
	return float64(r.cpu.Microseconds()) / float64(max(r.messages, 1))
}

func (r *turnResult) p99() float64 {
	slices.Sort(r.waits)
	return r.waits[len(r.waits)*99/100].Seconds() * 1000
}

// BenchmarkInbound measures received messages, each on disk before its
// acknowledgement, outbox included.
func BenchmarkInbound(b *testing.B) {
	for _, devices := range []int{1, 10, 100} {
		b.Run(fmt.Sprint("devices=", devices), func(b *testing.B) {
			own, other := ownBench(b, devices), sqlBench(b, devices)
			var a, z turnResult
			for round := range benchTurns {
				if round%2 == 0 {
					a.add(own.turn(b, round+1))
					z.add(other.turn(b, round+1))
				} else {
					z.add(other.turn(b, round+1))
					a.add(own.turn(b, round+1))
				}
			}
			if err := errors.Join(own.close(), other.close()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(a.rate(), "msg/s")
			b.ReportMetric(z.rate(), "sqlite-msg/s")
			b.ReportMetric(a.rate()/z.rate(), "ratio")
			b.ReportMetric(float64(a.commits)/float64(a.messages), "commits/msg")
			b.ReportMetric(a.cpuPer(), "µs-cpu/msg")
			b.ReportMetric(a.cpuPer()/z.cpuPer(), "cpu-ratio")
			b.ReportMetric(a.p99(), "p99-ms")
			b.ReportMetric(z.p99(), "sqlite-p99-ms")
		})
	}
}

// BenchmarkFirstLogin makes and marks the pre-keys of a first login.
func BenchmarkFirstLogin(b *testing.B) {
	const count = 812
	login := func(s *contender) time.Duration {
		start := time.Now()
		list, err := s.devices[0].PreKeys.GetOrGenPreKeys(ctx, count)
		if err == nil {
			err = s.devices[0].PreKeys.MarkPreKeysAsUploaded(ctx, list[len(list)-1].KeyID)
		}
		if err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	var own, other time.Duration
	commits := 0
	for range b.N {
		a, z := ownBench(b, 1), sqlBench(b, 1)
		before := a.commits()
		own += login(a)
		commits += a.commits() - before
		other += login(z)
		if err := errors.Join(a.close(), z.close()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(commits)/float64(b.N), "commits")
	b.ReportMetric(other.Seconds()/own.Seconds(), "ratio")
	b.ReportMetric(own.Seconds()*1000/float64(b.N), "ms")
	b.ReportMetric(other.Seconds()*1000/float64(b.N), "sqlite-ms")
}
