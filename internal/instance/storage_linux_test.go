package instance_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/problem"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
)

// lookUntil looks again and again: what happens on the stand-in network tells
// nobody.
func lookUntil(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
		<-pace.C
	}
}

// texts counts the received texts in the event log.
func (s sending) texts(t *testing.T) map[string]int {
	t.Helper()
	counts := make(map[string]int)
	for _, ev := range s.ofTypes(event.MessagesUpsert) {
		counts[data[struct {
			Content struct{ Text string } `json:"content"`
		}](t, ev).Content.Text]++
	}
	return counts
}

// While nothing can be written, nothing that arrives is acknowledged and
// nothing leaves; afterwards all of it comes, once, without anybody's help.
func TestOutageOfTheDiskLosesNothing(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	outage := storetest.NewOutage(t, s.Store)
	device := s.phone.Devices()[0]

	var sent atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	var friend sync.WaitGroup
	friend.Go(func() {
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for ctx.Err() == nil {
			<-pace.C
			if _, err := s.nina.SendText(context.Background(), s.phone, fmt.Sprint("text ", sent.Load())); err != nil {
				t.Errorf("send: %v", err)
				return
			}
			sent.Add(1)
		}
	})
	defer friend.Wait()
	defer stop()
	lookUntil(t, "messages before the outage", func() bool { return len(s.texts(t)) >= 10 })

	outage.Break(syscall.ENOSPC)
	lookUntil(t, "readiness to turn red", func() bool { return s.Store.Ready() != nil })
	if err := s.Store.Ready(); !errors.Is(err, store.ErrUnwritable) || problem.KindOf(err) != problem.Storage {
		t.Errorf("ready: %v", err)
	}
	recorded, held := len(s.texts(t)), s.Network.Pending(device)
	if _, err := s.send(context.Background(), "into the void"); problem.KindOf(err) != problem.Storage {
		t.Errorf("sending: %v; %+v", err, s.Get(s.id).Status)
	}
	if _, err := s.Manager.Create(context.Background(), instance.CreateParams{Name: "another"}); problem.KindOf(err) != problem.Storage {
		t.Errorf("creating: %v", err)
	}
	lookUntil(t, "messages that nobody acknowledges", func() bool { return s.Network.Pending(device) >= held+30 })
	s.Network.Drop(device) // the outage outlives the connection
	refused := outage.Refused()
	lookUntil(t, "more attempts to write", func() bool { return outage.Refused() >= refused+2 })
	if n := len(s.texts(t)); n != recorded {
		t.Errorf("%d messages were recorded during the outage", n-recorded)
	}

	outage.Heal()
	lookUntil(t, "readiness", func() bool { return s.Store.Ready() == nil })
	stop()
	friend.Wait()
	lookUntil(t, "the messages of the outage", func() bool { return s.Network.Pending(device) == 0 })
	counts := s.texts(t)
	for i := range sent.Load() {
		if n := counts[fmt.Sprint("text ", i)]; n != 1 {
			t.Errorf("text %d of %d is in the event log %d times", i, sent.Load(), n)
		}
	}
	s.Phase(s.id, instance.PhaseConnected)
	if n := len(s.nina.Inbox()); n != 0 {
		t.Errorf("%d messages left during the outage", n)
	}
	s.mustSend("all is well")
	if _, err := s.nina.SendText(context.Background(), s.phone, "me too"); err != nil {
		t.Fatal(err)
	}
	lookUntil(t, "a message after the outage", func() bool { return s.texts(t)["me too"] == 1 })
}

// The library leaves out a device that it cannot encrypt for and reports
// success. With a data file that fails at that very moment nothing leaves, and
// the sender is told.
func TestSendIsNoSuccessWhenAnIdentityCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	s.mustSend("first") // there are identities now
	lookUntil(t, "the first message", func() bool { return len(s.nina.Inbox()) == 1 })
	good := spoilIdentities(t, s.Store, nil)
	if len(good) == 0 {
		t.Fatal("there are no identities to spoil")
	}
	if sent, err := s.send(context.Background(), "nobody can read this"); err == nil {
		t.Errorf("sending: %+v, though the identity cannot be read", sent)
	}
	spoilIdentities(t, s.Store, good)
	s.mustSend("second")
	lookUntil(t, "the second message", func() bool { return len(s.nina.Inbox()) >= 2 })
	if n := len(s.nina.Inbox()); n != 2 {
		t.Errorf("%d messages came, want the two that were sent", n)
	}
}

// spoilIdentities makes the rows of the bucket unreadable and gives what they
// were, or puts back what is given.
func spoilIdentities(t *testing.T, db *store.DB, back map[string][]byte) map[string][]byte {
	t.Helper()
	good := make(map[string][]byte)
	err := db.Update(context.Background(), func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("wa.ident"))
		if err := b.ForEach(func(k, v []byte) error {
			good[string(k)] = append([]byte(nil), v...)
			return nil
		}); err != nil {
			return err
		}
		for k := range good {
			row := back[k]
			if row == nil {
				row = []byte{0xff}
			}
			if err := b.Put([]byte(k), row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return good
}
