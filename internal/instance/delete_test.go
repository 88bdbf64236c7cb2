package instance_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

func TestDeleteErasesAndFreesTheName(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	h.Pair(in.ID, phone)
	ctx := context.Background()
	if err := h.Manager.Delete(ctx, in.ID, instance.DeleteParams{Logout: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Manager.Get(ctx, in.ID); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("deleted instance: %v", err)
	}
	wantKeys(t, h)
	if left := phone.Devices(); len(left) != 0 {
		t.Errorf("on the phone: %v", left)
	}
	h.Create("shop")
}

// wantKeys sees whose keys are kept.
func wantKeys(t *testing.T, h *instancetest.House, want ...types.JID) {
	t.Helper()
	left, err := h.Keys.Devices(context.Background())
	if err != nil || len(left) != len(want) || len(want) == 1 && left[0] != want[0] {
		t.Errorf("keys of %v, %v; want those of %v", left, err, want)
	}
}

// A phone accepts while its instance is being deleted: WhatsApp's side is done,
// ours hears of it only after the deletion has begun. The keys go with the
// instance, and the phone is told where it was to be.
func TestDeleteWhileAPhoneAccepts(t *testing.T) {
	t.Parallel()
	for _, logout := range []bool{false, true} {
		hold, held := make(chan struct{}), make(chan struct{})
		release, reached := sync.OnceFunc(func() { close(hold) }), sync.OnceFunc(func() { close(held) })
		h := instancetest.New(t, instancetest.Options{After: func(events []event.Event) {
			if events[0].Type == event.QRCodeUpdate { // told by the instance's goroutine, which waits here
				reached()
				<-hold
			}
		}})
		defer release()
		phone := h.Network.NewPhone("5511987650001", "Shop Front")
		id := h.Create("shop").ID
		ctx := shortly(t)
		if _, err := h.Manager.Connect(ctx, id); err != nil {
			t.Fatal(err)
		}
		<-held
		code, shown := h.Manager.Pairing(id)
		if !shown {
			t.Fatal("no code")
		}
		waiting := h.Manager.Queued(id)
		deleted := make(chan error, 1)
		go func() { deleted <- h.Manager.Delete(ctx, id, instance.DeleteParams{Logout: logout}) }()
		for deadline := time.Now().Add(patience); h.Manager.Queued(id) == waiting; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the deletion did not begin")
			}
		}
		device, err := phone.Scan(ctx, code.Code)
		if err != nil {
			t.Fatal(err)
		}
		wantKeys(t, h, device)
		release()
		if err := <-deleted; err != nil {
			t.Fatal(err)
		}
		if _, err := h.Manager.Get(ctx, id); !errors.Is(err, instance.ErrNotFound) {
			t.Errorf("logout %v: %v", logout, err)
		}
		wantKeys(t, h)
		if listed := len(phone.Devices()) != 0; listed == logout {
			t.Errorf("logout %v: the phone lists %v", logout, phone.Devices())
		}
		h.Stop()
	}
}

// The same in the moment before: the library is about to store the keys when the
// deletion begins, which waits for it, and nothing is left on either side.
func TestDeleteWhileKeysAreStored(t *testing.T) {
	t.Parallel()
	storing, hold, deleted := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	h := instancetest.New(t, instancetest.Options{Storing: func() {
		close(storing)
		<-hold
	}})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	id := h.Create("shop").ID
	ctx := shortly(t)
	code := h.Code(id)
	scanned := make(chan error, 1)
	go func() {
		_, err := phone.Scan(ctx, code.Code)
		scanned <- err
	}()
	<-storing
	go func() { deleted <- h.Manager.Delete(ctx, id, instance.DeleteParams{}) }()
	if err := <-scanned; !errors.Is(err, wasim.ErrRejected) { // the connection was closed
		t.Errorf("scan: %v", err)
	}
	early := false
	select {
	case <-deleted:
		early = true
	case <-time.After(200 * time.Millisecond): // nothing tells that it waits
	}
	close(hold)
	if early {
		t.Fatal("deleted while the keys were being stored")
	}
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if _, err := h.Manager.Get(ctx, id); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("deleted instance: %v", err)
	}
	wantKeys(t, h)
	if left := phone.Devices(); len(left) != 0 {
		t.Errorf("on the phone: %v", left)
	}
}

// What was let through is erased, whatever the library made of it.
func TestDeleteErasesWhatWasLetThrough(t *testing.T) {
	t.Parallel()
	s := newStage(t, longTiming())
	const device = "5511987650001:9@s.whatsapp.net"
	ctx := context.Background()
	id := s.create("shop")
	_, err := s.manager.Connect(ctx, id)
	s.must(err)
	s.tell(id, instance.SignalQR{Codes: codes()})
	gate := make(chan struct{})
	s.script.set(func(c *script) { c.closing = gate }) // the library stores the keys meanwhile
	sink := s.script.sink(id)
	s.must(sink.AllowPair(device))
	s.must(sink.BeforePair(device))
	deleted := make(chan error, 1)
	go func() { deleted <- s.manager.Delete(ctx, id, instance.DeleteParams{}) }()
	for s.get(id).Status.Phase == instance.PhaseQR && s.shown(id) {
		time.Sleep(time.Millisecond)
	}
	s.settled(t, id)
	select {
	case err := <-deleted:
		t.Fatalf("deleted while keys are being stored: %v", err)
	default:
	}
	close(gate)
	s.must(<-deleted)
	s.script.set(func(c *script) {
		if len(c.erased) != 1 || c.erased[0] != device {
			t.Errorf("erased %v, want the device that was being linked", c.erased)
		}
	})
	if err := sink.BeforePair(device); err == nil {
		t.Error("a device was linked to an instance that is gone")
	}
}

// shown says whether a code is on the screen.
func (s *stage) shown(id string) bool {
	_, ok := s.manager.Peek(id)
	return ok
}

// Keys that no instance knows of are erased at the next start; those that one
// does are kept and used.
func TestOrphanKeysAreErasedAtStart(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	kept, gone := h.Create("kept").ID, h.Create("gone").ID
	device := h.Pair(kept, h.Network.NewPhone("5511987650001", "Shop Front"))
	h.Pair(gone, h.Network.NewPhone("5521998880002", "Nina"))
	h.Manager.Close()
	_, _, err := h.Store.UpdateInstance(context.Background(), gone, func(in *instance.Instance) ([]event.Draft, error) {
		in.DeletedAt = time.Now() // and there the process ended
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Stop()
	h.Start()
	wantKeys(t, h, device)
	h.Phase(kept, instance.PhaseConnected)
}
