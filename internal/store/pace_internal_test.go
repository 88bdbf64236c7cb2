package store

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

// syncedBuffer is a target that notes what was in it at each sync.
type syncedBuffer struct {
	bytes.Buffer
	synced []int
}

func (b *syncedBuffer) Sync() error { b.synced = append(b.synced, b.Len()); return nil }

// A copy rests after each step, once the step is on disk, and ends with its
// context.
func TestPacedWriter(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	to := &syncedBuffer{}
	w := newPacedWriter(ctx, to)
	var rested []int
	w.rest = func(_ context.Context, d time.Duration) {
		if d <= 0 || d > paceMost {
			t.Errorf("a rest of %s", d)
		}
		rested = append(rested, to.Len())
	}
	const size = 2*paceStep + paceStep/2
	want := bytes.Repeat([]byte("pombal"), size/6)
	for rest := want; len(rest) > 0; {
		n, err := w.Write(rest[:min(len(rest), 64<<10)])
		if err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if !bytes.Equal(to.Bytes(), want) {
		t.Error("the copy is another")
	}
	if len(rested) != 2 || len(to.synced) != 2 || to.synced[0] != rested[0] || to.synced[1] != rested[1] {
		t.Errorf("rests at %v, synced at %v; want two, each once the step is on disk", rested, to.synced)
	}
	cancel()
	if _, err := w.Write([]byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}
