package webhook

import (
	"testing"
	"time"
)

func TestWakeWhileALaneIsRunningIsNotLost(t *testing.T) {
	t.Parallel()
	b := newBoard(time.Hour)
	now := time.Unix(1000, 0)
	b.wake("w1", now)
	b.start()
	b.wake("w1", now) // an event was recorded after the lane had looked
	b.finish(turn{id: "w1"}, now, now)
	if len(b.ready) != 1 || b.running != 0 {
		t.Errorf("%d ready, %d running; want the lane to look once more", len(b.ready), b.running)
	}
	b.start()
	b.finish(turn{id: "w1"}, now, now)
	if len(b.ready) != 0 || len(b.lanes) != 0 {
		t.Errorf("%d ready, %d known; want an empty board", len(b.ready), len(b.lanes))
	}
}

func TestOutboxThatContradictsItselfIsNotAskedWithoutAPause(t *testing.T) {
	t.Parallel()
	b := newBoard(time.Hour)
	now := time.Unix(1000, 0)
	b.wake("w1", now)
	for range 10 {
		b.start()
		b.finish(turn{id: "w1", due: now.Add(-time.Minute)}, now, now)
		if b.fire(now); len(b.ready) != 0 {
			t.Fatal("ready again at once")
		}
		now = now.Add(minWait)
		b.fire(now)
	}
}

func TestLanesBecomeReadyInTheOrderOfTheirTimes(t *testing.T) {
	t.Parallel()
	b := newBoard(time.Hour)
	now := time.Unix(1000, 0)
	for i, wait := range []time.Duration{50, 10, 40, 20, 30} {
		id := string(rune('a' + i))
		b.wake(id, now)
		b.start()
		b.finish(turn{id: id, due: now.Add(wait * time.Second)}, now, now)
	}
	if got := b.next(now.Add(time.Hour)); !got.Equal(now.Add(10 * time.Second)) {
		t.Errorf("next at %v, want in 10 s", got)
	}
	if got := b.next(now.Add(time.Second)); !got.Equal(now.Add(time.Second)) {
		t.Errorf("next at %v, want the latest time given", got)
	}
	b.wake("d", now) // out of the middle of the heap
	b.fire(now.Add(time.Minute))
	order := ""
	for len(b.ready) > 0 {
		order += b.start().id
	}
	if order != "dbeca" {
		t.Errorf("order %s, want d first and the others by time", order)
	}
}
