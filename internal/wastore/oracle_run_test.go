package wastore_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// dumpEvery is after how many calls all rows of both sides are compared.
const dumpEvery = 200

// play runs a history on both sides and returns the first difference.
func (w *world) play(steps []step) error {
	sinceDump := 0
	for i := range steps {
		if err := w.step(&steps[i]); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		w.played += steps[i].count()
		if sinceDump += steps[i].count(); sinceDump >= dumpEvery {
			sinceDump = 0
			if err := w.compareDumps(); err != nil {
				return fmt.Errorf("after step %d: %w", i, err)
			}
		}
	}
	return w.compareDumps()
}

func (w *world) step(s *step) error {
	switch s.Call {
	case "reopen":
		return w.reopen()
	case "advance":
		w.clock.advance(time.Duration(s.N) * time.Second)
		return nil
	case "sweep":
		return w.sweep(int(s.N))
	case "pair", "save", "delete", "erase", "load", "devices":
		ours, ref := w.change(s)
		return w.compare([]outcome{ours}, []outcome{ref})
	case "parallel":
		return w.parallel(s)
	}
	var ours, ref []outcome
	side{w, true}.one(ctx, s, &ours)
	side{w, false}.one(ctx, s, &ref)
	return w.compare(ours, ref)
}

func (w *world) compare(ours, ref []outcome) error {
	if len(ours) != len(ref) {
		return fmt.Errorf("%d answers against %d", len(ours), len(ref))
	}
	for i, o := range ours {
		if err := honest(o); err != nil {
			return err
		}
		if o.class == ref[i].class && o.text == ref[i].text {
			continue
		}
		if name, ok := excused(o.step, o, ref[i]); ok {
			w.allow.hit(name)
			continue
		}
		return fmt.Errorf("%s: ours %s %q (%v), reference %s %q (%v)", encodeHistory([]step{*o.step}),
			o.class, o.text, o.err, ref[i].class, ref[i].text, ref[i].err)
	}
	return nil
}

func (w *world) parallel(s *step) error {
	ours := make([][]outcome, len(s.Lists))
	var wg sync.WaitGroup
	for i, list := range s.Lists {
		wg.Go(func() { side{w, true}.run(ctx, list, &ours[i]) })
	}
	wg.Wait()
	for i, list := range s.Lists {
		var ref []outcome
		side{w, false}.run(ctx, list, &ref)
		if err := w.compare(ours[i], ref); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) sweep(budget int) error {
	for {
		left, err := w.c.Sweep(ctx, budget)
		if err != nil {
			return err
		}
		if !left {
			return w.ref.sweep()
		}
	}
}

// errDump is a difference between the rows of both sides.
var errDump = errors.New("the dumps differ")

func (w *world) compareDumps() error {
	ours, err1 := w.c.Dump()
	ref, err2 := w.ref.dump()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if slices.Equal(ours, ref) {
		return nil
	}
	var more, less []string
	for len(ours) > 0 || len(ref) > 0 {
		switch {
		case len(ref) == 0 || len(ours) > 0 && ours[0] < ref[0]:
			more, ours = append(more, ours[0]), ours[1:]
		case len(ours) == 0 || ref[0] < ours[0]:
			less, ref = append(less, ref[0]), ref[1:]
		default:
			ours, ref = ours[1:], ref[1:]
		}
	}
	return fmt.Errorf("%w: only ours %q, only the reference %q", errDump, more[:min(5, len(more))], less[:min(5, len(less))])
}
