package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"pombal/internal/instance/instancetest"
	"pombal/internal/store"
	"pombal/internal/wasim"
)

// fleet are linked instances of a gateway, each with a friend who writes.
type fleet struct {
	network *wasim.Server
	data    string
	ids     []string
	phones  []*wasim.Phone
	friends []*wasim.Phone
	devices []types.JID
	sent    []atomic.Int64 // messages to each
}

// linkFleet links n instances in a new data file, at the pace of a test, and
// closes the file.
func linkFleet(t *testing.T, n int) *fleet {
	t.Helper()
	dir, err := os.MkdirTemp("", "b") // short: a socket must fit beside the file
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	f := &fleet{network: startNetwork(t), data: filepath.Join(dir, "pombal.db"), sent: make([]atomic.Int64, n)}
	h := instancetest.New(t, instancetest.Options{Network: f.network, Path: f.data})
	for i := range n {
		phone := f.network.NewPhone(fmt.Sprint(5511987650100+i), fmt.Sprint("Shop ", i))
		in := h.Create(fmt.Sprintf("shop-%02d", i))
		f.ids, f.phones = append(f.ids, in.ID), append(f.phones, phone)
		f.devices = append(f.devices, h.Pair(in.ID, phone))
		f.friends = append(f.friends, f.network.NewPhone(fmt.Sprint(5521998880100+i), fmt.Sprint("Friend ", i)))
	}
	h.Stop()
	return f
}

// write sends rate messages a second to the fleet until ctx ends, and says how
// many it sent in all and how many a second those were.
func (f *fleet) write(ctx context.Context, t *testing.T, rate int) (total int64, perSecond float64) {
	t.Helper()
	began := time.Now()
	pause := time.Second * time.Duration(len(f.ids)) / time.Duration(rate)
	var all sync.WaitGroup
	for i := range f.ids {
		all.Go(func() {
			pace := time.NewTicker(pause)
			defer pace.Stop()
			for {
				select {
				case <-pace.C:
				case <-ctx.Done():
					return
				}
				text := fmt.Sprintf("message %05d", f.sent[i].Load())
				if _, err := f.friends[i].SendText(context.Background(), f.phones[i], text); err != nil {
					t.Errorf("send to %s: %v", f.ids[i], err)
					return
				}
				f.sent[i].Add(1)
			}
		})
	}
	all.Wait()
	total = f.written()
	return total, float64(total) / time.Since(began).Seconds()
}

// written is how many messages were sent so far.
func (f *fleet) written() (total int64) {
	for i := range f.sent {
		total += f.sent[i].Load()
	}
	return total
}

// recorded is how many of them have been recorded for certain: those that the
// gateway has answered.
func (f *fleet) recorded() (total int64) {
	for i := range f.sent {
		sent := f.sent[i].Load()
		total += max(0, sent-int64(f.network.Pending(f.devices[i])))
	}
	return total
}

// logged counts the messages in the event logs of the fleet in a data file that
// nobody uses. No text may be there twice.
func (f *fleet) logged(t *testing.T, path string) (total int) {
	t.Helper()
	db, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, id := range f.ids {
		texts := messagesIn(t, db, id)
		for text, events := range texts {
			if len(events) != 1 {
				t.Errorf("%s: %q is in the log of instance %d %d times", filepath.Base(path), text, i, len(events))
			}
		}
		total += len(texts)
	}
	return total
}

// A backup taken each second while 200 messages a second arrive at 20 linked
// instances: each is whole, holds what was recorded before, and starts.
func TestBackupsUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("writes to 20 instances for seconds")
	}
	const instances, rate, backups = 20, 200, 5
	f := linkFleet(t, instances)
	dir := filepath.Dir(f.data)
	args := settings(t, dir, f.network, "--whatsapp-rate", "1000")
	g := startChild(t, args, ownerEnv())
	f.awaitOnline(t)

	var total int64
	var reached float64
	ctx, stop := context.WithCancel(context.Background())
	written := make(chan struct{})
	go func() {
		defer close(written)
		total, reached = f.write(ctx, t, rate)
	}()
	defer func() { stop(); <-written }() // before t is of no use any more
	var files []string
	var atLeast []int64 // what was recorded before each
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := range backups {
		<-tick.C                          // the pace of the operator, not a wait for anything
		before := f.written() + instances // each friend may have one on its way
		await(t, "messages since the last backup", func() bool { return f.recorded() > before })
		atLeast = append(atLeast, f.recorded())
		file := filepath.Join(dir, fmt.Sprintf("backup-%d.db", n))
		if code, _, problems := runCommand(t, "backup", file, "--data", f.data); code != exitOK {
			t.Errorf("backup %d: code %d, %s", n, code, problems)
		}
		files = append(files, file)
	}
	await(t, "as many messages as there should be in a second", func() bool { return f.written() >= rate })
	stop()
	<-written
	t.Logf("%d messages, %.0f a second; %d backups", total, reached, backups)
	f.awaitAnswered(t)
	if err := g.stop(); err != nil {
		t.Fatalf("stop: %v\n%s", err, g.log)
	}
	if n := f.logged(t, f.data); int64(n) != total {
		t.Errorf("%d of %d messages are in the event logs", n, total)
	}

	last := 0
	for n, file := range files {
		if code, _, problems := runCommand(t, "check", "--data", file); code != exitOK {
			t.Errorf("check of backup %d: code %d, %s", n, code, problems)
		}
		have := f.logged(t, file)
		if int64(have) < atLeast[n] || have <= last || int64(have) > total {
			t.Errorf("backup %d holds %d messages, the one before %d, of %d; %d were recorded before", n, have, last, total, atLeast[n])
		}
		last = have
	}
	for _, file := range files {
		f.startsFrom(t, file, args)
	}
}

// awaitOnline waits until WhatsApp sees all devices.
func (f *fleet) awaitOnline(t *testing.T) {
	t.Helper()
	await(t, "all devices online", func() bool {
		for _, device := range f.devices {
			if !f.network.Online(device) {
				return false
			}
		}
		return true
	})
}

// awaitAnswered waits until WhatsApp keeps nothing more for the devices.
func (f *fleet) awaitAnswered(t *testing.T) {
	t.Helper()
	await(t, "all messages answered", func() bool {
		for _, device := range f.devices {
			if f.network.Pending(device) > 0 {
				return false
			}
		}
		return true
	})
}

// startsFrom starts a gateway on a backup, which links nothing anew and hears
// of a new message.
func (f *fleet) startsFrom(t *testing.T, file string, args []string) {
	t.Helper()
	g := startChild(t, append(args[:len(args):len(args)], "--data", file), ownerEnv())
	f.awaitOnline(t)
	text := "to " + filepath.Base(file)
	if _, err := f.friends[0].SendText(context.Background(), f.phones[0], text); err != nil {
		t.Fatal(err)
	}
	await(t, "an answer to the new message", func() bool { return f.network.Pending(f.devices[0]) == 0 })
	if err := g.stop(); err != nil {
		t.Fatalf("stop: %v\n%s", err, g.log)
	}
	if n := len(loggedMessages(t, file, f.ids[0])[text]); n != 1 {
		t.Errorf("%s: the new message is in the event log %d times", file, n)
	}
	db, err := store.Open(file, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	list, err := db.Instances(context.Background())
	if err != nil || len(list) != len(f.ids) {
		t.Errorf("%s: %d instances, %v", file, len(list), err)
	}
	for _, in := range list {
		if !in.Linked() {
			t.Errorf("%s: instance %s is not linked any more: %+v", file, in.Name, in.Status)
		}
	}
}

// await looks again and again until cond is true.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", limit, what)
		}
		<-pace.C
	}
}
