package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

var keyProbe = []byte("probe")

// run commits until the queue is closed and empty, or closed and the file
// cannot be written to.
func (c *committer) run() {
	defer c.stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		batch, rest, ok := c.take(time.Now())
		switch {
		case !ok:
			return
		case batch != nil:
			c.commit(batch)
		default:
			timer.Reset(rest)
			select {
			case <-c.wake:
			case <-timer.C:
			}
		}
	}
}

// stop fails whoever still waits. It also runs when a job ended the goroutine,
// as a test does that fails inside one.
func (c *committer) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.failure == nil {
		c.failure = errInterrupted
	}
	kept := c.queue[:0]
	for _, j := range c.queue {
		if j.ctx == nil {
			kept = append(kept, j)
			continue
		}
		j.err = c.failure
		close(j.done)
	}
	c.queue = kept
	c.release(0, 0)
	close(c.over)
}

// take decides what to do now: commit a batch, rest so long at most, or end.
func (c *committer) take(now time.Time) (batch []*job, rest time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const untilWoken = time.Hour
	failing := c.failure != nil
	switch {
	case c.closed && (len(c.queue) == 0 || failing && c.waiting == 0):
		return nil, 0, false
	case c.closed, c.waiting > 0:
	case failing:
		if rest = c.retryAt.Sub(now); rest > 0 {
			return nil, rest, true
		}
		if len(c.queue) == 0 {
			return []*job{probe(now)}, 0, true
		}
	case len(c.queue) == 0:
		return nil, untilWoken, true
	default:
		if rest = c.queue[0].queued.Add(lingerFor).Sub(now); rest > 0 {
			return nil, rest, true
		}
	}
	return c.cut(), 0, true
}

// cut takes the next batch off the queue. A job that must not run twice ends
// it. c.mu is held.
func (c *committer) cut() []*job {
	n := min(len(c.queue), maxBatch)
	if solo := slices.IndexFunc(c.queue[:n], func(j *job) bool { return j.solo }); solo >= 0 {
		n = solo + 1
	}
	batch := slices.Clone(c.queue[:n])
	c.queue = slices.Clone(c.queue[n:])
	c.inFlight = n
	for _, j := range batch {
		if j.presses() {
			c.waiting--
		}
	}
	return batch
}

// probe is a small write that tells whether the file can be written to again.
func probe(now time.Time) *job {
	return &job{fn: func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(keyProbe, binary.BigEndian.AppendUint64(nil, uint64(now.UnixMilli())))
	}}
}

// commit brings a batch to disk. A job whose function fails is left out and the
// others are run again: bbolt cannot take back a part of a transaction.
func (c *committer) commit(batch []*job) {
	began := time.Now()
	jobs, finished := batch, false
	defer func() {
		if !finished {
			abandon(batch) // a job ended the goroutine
		}
	}()
	for !finished {
		culprit, err := c.try(jobs)
		if culprit < 0 {
			finished = true
			c.finish(batch, jobs, err)
		} else {
			jobs = without(jobs, culprit)
		}
	}
	if took := time.Since(began); took > slowCommit {
		c.log.Warn("slow commit of the data file", "took", took, "writes", len(batch))
	}
}

// abandon lets the callers of a batch go whose outcome nobody will tell.
func abandon(batch []*job) {
	for _, j := range batch {
		if j.done != nil {
			j.err = errInterrupted
			close(j.done)
		}
	}
}

// without takes a failed job out of a batch. When nobody waits for it, its
// owner was told already that it counts, so whoever waits behind it must not
// believe that all is well.
func without(jobs []*job, culprit int) []*job {
	rest := slices.Clone(jobs[:culprit])
	for _, j := range jobs[culprit+1:] {
		if jobs[culprit].ctx == nil && j.ctx != nil {
			j.err = fmt.Errorf("%w (%w)", errBehindLost, jobs[culprit].err)
			continue
		}
		rest = append(rest, j)
	}
	return rest
}

// try runs the jobs in one transaction and commits it. culprit is the number of
// the job whose function failed, -1 when it was none.
func (c *committer) try(jobs []*job) (culprit int, err error) {
	culprit = -1
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", errInterrupted, cause)
		}
	}()
	err = c.bolt.Update(func(tx *bbolt.Tx) error {
		written := false
		for i, j := range jobs {
			if j.ctx != nil && j.ctx.Err() != nil {
				j.err = j.ctx.Err() // its caller left; nothing was written yet
				continue
			}
			j.err = j.apply(tx)
			if j.err != nil && !errors.Is(j.err, errUnchanged) {
				culprit = i
				return j.err
			}
			written = written || j.err == nil
		}
		if !written {
			return errUnchanged
		}
		return nil
	})
	return culprit, err
}

// apply runs the function of a job. A context that ended meanwhile is noticed.
func (j *job) apply(tx *bbolt.Tx) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", errInterrupted, cause)
		}
	}()
	if err := j.fn(tx); err != nil || j.ctx == nil {
		return err
	}
	return j.ctx.Err()
}

// finish tells the outcome of a commit. tried are the jobs of the batch that
// were part of it; the others have failed already.
func (c *committer) finish(batch, tried []*job, err error) {
	untried := errors.Is(err, errUnchanged) // nothing went to the disk
	switch {
	case untried:
		err = nil
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	var kept []*job
	for _, j := range tried {
		switch {
		case err == nil && errors.Is(j.err, errUnchanged):
			j.err = nil
		case err != nil && j.ctx == nil && !j.queued.IsZero(): // a probe was never in the queue
			j.urgent = false
			kept = append(kept, j)
		case err != nil:
			j.err = err
		}
	}
	if healed := c.conclude(batch, kept, err, untried); healed != nil {
		defer healed()
	}
	for _, j := range batch {
		switch {
		case slices.Contains(kept, j):
		case j.done != nil:
			close(j.done)
		case j.settled != nil:
			j.settled(j.err)
		}
	}
}

// conclude notes how the file is and puts back what was accepted and is not on
// disk. A batch that wrote nothing tells nothing of the file. conclude gives
// what is to be called once those who wait have been told.
func (c *committer) conclude(batch, kept []*job, err error, untried bool) (healed func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if untried {
		err = c.failure
	}
	if c.failure != nil && err == nil {
		c.log.Info("the data file can be written to again")
		healed = c.healed
	}
	if c.failure == nil && err != nil {
		c.log.Error("the data file cannot be written to; nothing is acknowledged until it can", "error", err)
	}
	c.failure = err
	if !untried {
		c.retryAt = time.Now().Add(retryEvery)
	}
	freed := 0
	for _, j := range batch {
		freed += j.size
	}
	for _, j := range kept {
		freed -= j.size
	}
	c.queue = append(kept, c.queue...)
	c.release(c.inFlight, freed)
	return healed
}
