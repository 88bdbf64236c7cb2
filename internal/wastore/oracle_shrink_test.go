package wastore_test

import (
	"slices"
	"time"
)

// shrinker makes a failing history smaller as long as it fails.
type shrinker struct {
	fails func([]step) bool
	until time.Time
	runs  int
}

func (s *shrinker) try(steps []step) bool {
	if time.Now().After(s.until) {
		return false
	}
	s.runs++
	return s.fails(steps)
}

// shrink drops steps, then what is within them, until neither helps.
func (s *shrinker) shrink(steps []step) []step {
	for {
		before := string(encodeHistory(steps))
		steps = dropParts(steps, func(kept []step) bool { return s.try(kept) })
		for i := range steps {
			s.within(steps, i)
		}
		if string(encodeHistory(steps)) == before {
			return steps
		}
	}
}

// dropParts removes ever smaller runs of elements while ok allows it.
func dropParts[E any](list []E, ok func([]E) bool) []E {
	for size := max(len(list)/2, 1); ; size /= 2 {
		for end := len(list); end > 0; {
			start := max(end-size, 0)
			kept := slices.Concat(list[:start], list[end:])
			if ok(kept) {
				list = kept
			}
			end = start
		}
		if size <= 1 {
			return list
		}
	}
}

// within shrinks one step in place.
func (s *shrinker) within(steps []step, i int) {
	use := func(smaller step) bool {
		old := steps[i]
		steps[i] = smaller
		if s.try(steps) {
			return true
		}
		steps[i] = old
		return false
	}
	dropParts(steps[i].Ops, func(kept []step) bool {
		smaller := steps[i]
		smaller.Ops = kept
		return len(kept) < len(steps[i].Ops) && use(smaller)
	})
	dropParts(steps[i].List, func(kept []entry) bool {
		smaller := steps[i]
		smaller.List = kept
		return use(smaller)
	})
	for l := range steps[i].Lists {
		dropParts(steps[i].Lists[l], func(kept []step) bool {
			smaller := steps[i]
			smaller.Lists = slices.Clone(smaller.Lists)
			smaller.Lists[l] = kept
			return use(smaller)
		})
	}
	for _, simpler := range simplerSteps(steps[i]) {
		use(simpler)
	}
	for o := range steps[i].Ops {
		for _, simpler := range simplerSteps(steps[i].Ops[o]) {
			smaller := steps[i]
			smaller.Ops = slices.Clone(smaller.Ops)
			smaller.Ops[o] = simpler
			use(smaller)
		}
	}
}

// simplerSteps are one step with one thing less each.
func simplerSteps(from step) (all []step) {
	add := func(change func(*step)) {
		s := from
		if change(&s); string(encodeHistory([]step{s})) != string(encodeHistory([]step{from})) {
			all = append(all, s)
		}
	}
	add(func(s *step) { s.Dead = false })
	add(func(s *step) { s.Stale = false })
	add(func(s *step) { s.Dev = 0 })
	add(func(s *step) {
		if s.V != noValue {
			s.V = sized(1, 0)
		}
	})
	add(func(s *step) {
		if s.N > 1 {
			s.N = 1
		}
	})
	add(func(s *step) {
		if s.End != "" {
			s.End = "commit"
		}
	})
	return all
}
