package store

import (
	"context"
	"io"
	"time"
)

const (
	// paceStep is after how many bytes a copy lets others at the disk.
	paceStep = 4 << 20
	// paceMost bounds one rest, for a disk that was slow for a moment.
	paceMost = time.Second
)

// pacedWriter writes a copy of a file that is in use: after each step it brings
// that to the disk, where the target can, and then rests for as long as the
// step took. So commits have the disk to themselves half of the time, and never
// find the system busy with all of the copy.
type pacedWriter struct {
	ctx   context.Context
	to    io.Writer
	rest  func(ctx context.Context, d time.Duration)
	since int // bytes since the last rest
	began time.Time
}

func newPacedWriter(ctx context.Context, to io.Writer) *pacedWriter {
	return &pacedWriter{ctx: ctx, to: to, rest: sleep, began: time.Now()}
}

// Write fails when the context has ended.
func (p *pacedWriter) Write(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.to.Write(b)
	if p.since += n; err != nil || p.since < paceStep {
		return n, err
	}
	if f, ok := p.to.(interface{ Sync() error }); ok {
		if err := f.Sync(); err != nil {
			return n, err
		}
	}
	p.rest(p.ctx, min(time.Since(p.began), paceMost))
	p.since, p.began = 0, time.Now()
	return n, nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
