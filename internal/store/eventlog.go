package store

import (
	"bytes"
	"context"
	"strings"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// EventLog lists events of one or all living instances, newest first. A search
// that finds little ends after a bounded number of events, unless it is Deep:
// then it goes on in a new transaction, for bbolt cannot use freed pages again
// while a long one is open and the file would grow with each write meanwhile.
func (db *DB) EventLog(ctx context.Context, q event.LogQuery) ([]event.Event, error) {
	var list []event.Event
	for {
		last, err := db.walkLog(ctx, q, func(ev event.Event) bool {
			list = append(list, ev)
			return len(list) < q.Limit
		})
		if err != nil || last == "" || !q.Deep {
			return list, err
		}
		q.Before, q.UpTo = last, ""
	}
}

// walkLog gives each of the newest scanRows events that fits to visit, newest
// first, until it returns false. It returns the id of the last event it looked
// at when there may be more.
func (db *DB) walkLog(ctx context.Context, q event.LogQuery, visit func(event.Event) bool) (last string, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) error {
		tails, err := openTails(tx, q)
		if err != nil {
			return err
		}
		for range scanRows {
			t := newestOf(tails)
			if t == nil || q.After != "" && t.ev.ID <= q.After {
				last = ""
				return nil
			}
			last = t.ev.ID
			if logFits(q, t.ev) && !visit(t.ev) {
				last = ""
				return nil
			}
			if err := t.prev(); err != nil {
				return err
			}
		}
		return nil
	})
	return last, err
}

// newestOf is the tail that stands at the newest event; nil when all have ended.
func newestOf(tails []*tail) (newest *tail) {
	for _, t := range tails {
		if t.open && (newest == nil || t.ev.ID > newest.ev.ID) {
			newest = t
		}
	}
	return newest
}

// tail reads the events of one instance backwards.
type tail struct {
	c      *bbolt.Cursor
	prefix []byte
	ev     event.Event
	open   bool
}

func (t *tail) take(k, raw []byte) (err error) {
	if t.open = bytes.HasPrefix(k, t.prefix); t.open {
		t.ev, err = decode[event.Event](raw)
	}
	return err
}

func (t *tail) prev() error { return t.take(t.c.Prev()) }

// openTails stands at the newest event of each instance that may fit.
func openTails(tx *bbolt.Tx, q event.LogQuery) ([]*tail, error) {
	ids, err := logInstances(tx, q.InstanceID)
	if err != nil {
		return nil, err
	}
	var tails []*tail
	for _, id := range ids {
		from := uint64(0)
		if q.Before != "" || q.UpTo != "" {
			from, err = seqWhere(tx, id, func(h eventHead) bool {
				return q.Before != "" && h.ID >= q.Before || q.UpTo != "" && h.ID > q.UpTo
			})
			if err != nil {
				return nil, err
			}
		}
		t := &tail{c: tx.Bucket(bucketEvent).Cursor(), prefix: prefixOf(id)}
		if err := t.take(seekBefore(t.c, id, from)); err != nil {
			return nil, err
		}
		tails = append(tails, t)
	}
	return tails, nil
}

func logInstances(tx *bbolt.Tx, id string) ([]string, error) {
	if id != "" {
		return []string{id}, nil
	}
	list, err := all[instance.Instance](tx.Bucket(bucketInstance), nil)
	var ids []string
	for _, in := range list {
		if in.DeletedAt.IsZero() {
			ids = append(ids, in.ID)
		}
	}
	return ids, err
}

func logFits(q event.LogQuery, ev event.Event) bool {
	switch {
	case q.Type != "" && ev.Type != q.Type, !q.To.IsZero() && ev.At.After(q.To), !q.From.IsZero() && ev.At.Before(q.From):
		return false
	case q.Text == "":
		return true
	}
	text := strings.ToLower(q.Text)
	return strings.Contains(ev.ID, text) ||
		q.Bodies && bytes.Contains(bytes.ToLower(ev.Body), []byte(text))
}
