package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

var _ event.Store = (*DB)(nil)

// fillAppended is how full pages get in buckets that grow at the ends of their
// ranges; the default of 0.5 would double the file.
const fillAppended = 0.9

var (
	errMixedDrafts = errors.New("drafts of several instances cannot be recorded in one commit")
	errLooks       = errors.New("drafts that look into the index are recorded by AppendEvents alone")
)

// AppendEvents records the drafts that are new, each with one outbox row for
// every webhook that wants it, in one commit, and returns the recorded ones.
// All drafts must be of one instance, so that instances can be split over
// files; instance.ErrNotFound when it is not living.
func (db *DB) AppendEvents(ctx context.Context, drafts ...event.Draft) ([]event.Event, error) {
	if len(drafts) == 0 {
		return nil, nil
	}
	id := drafts[0].InstanceID
	ready, err := db.prepare(id, drafts)
	if err != nil {
		return nil, err
	}
	var recorded []event.Event
	err = db.growShared(ctx, func(tx *bbolt.Tx) error {
		recorded = nil
		in, err := living(tx, id)
		if err != nil {
			return err
		}
		drafts, wrote, err := db.look(tx, in, ready)
		if err != nil {
			return err
		}
		recorded, err = db.record(tx, in, drafts)
		if err == nil && len(recorded) == 0 && !wrote {
			return errUnchanged
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return recorded, nil
}

// Events reads the recorded events of an instance whose Seq is greater than
// afterSeq, oldest first, at most limit.
func (db *DB) Events(ctx context.Context, instanceID string, afterSeq uint64, limit int) ([]event.Event, error) {
	var list []event.Event
	if afterSeq+1 == 0 {
		return nil, nil
	}
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketEvent).Cursor()
		last := string(countKey(instanceID, ^uint64(0)))
		for k, raw := c.Seek(countKey(instanceID, afterSeq+1)); k != nil && len(list) < limit && string(k) <= last; k, raw = c.Next() {
			ev, err := decode[event.Event](raw)
			if err != nil {
				return err
			}
			list = append(list, ev)
		}
		return nil
	})
	return list, err
}

// NewestEvents reads the recorded events of an instance, newest first, at most
// limit.
func (db *DB) NewestEvents(ctx context.Context, instanceID string, limit int) ([]event.Event, error) {
	var list []event.Event
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		list, err = newest[event.Event](tx.Bucket(bucketEvent), prefixOf(instanceID), limit)
		return err
	})
	return list, err
}

// readyDraft is a draft that can no longer be refused.
type readyDraft struct {
	info event.Info
	at   time.Time
	key  string
	data json.RawMessage
	// What event.Draft says of these; look only with AppendEvents.
	look       func(event.Index) ([]event.Payload, error)
	onlyWanted bool
	token      bool
}

// prepare checks the drafts of one instance and marshals their data, which
// may take long and so is done outside the write transaction where possible.
func (db *DB) prepare(instanceID string, drafts []event.Draft) ([]readyDraft, error) {
	ready := make([]readyDraft, 0, len(drafts))
	for _, d := range drafts {
		if d.InstanceID != instanceID {
			return nil, errMixedDrafts
		}
		info, ok := event.Lookup(string(d.Type))
		if !ok {
			return nil, fmt.Errorf("record event: unknown type %q", d.Type)
		}
		var data json.RawMessage
		if d.Look == nil {
			var err error
			if data, err = json.Marshal(d.Data); err != nil {
				return nil, fmt.Errorf("record event %s: %w", d.Type, err)
			}
		}
		if d.At.IsZero() {
			d.At = db.now()
		}
		ready = append(ready, readyDraft{
			info: info, at: d.At, key: d.Key, data: data, look: d.Look, onlyWanted: d.OnlyWanted, token: d.Token,
		})
	}
	return ready, nil
}

// record writes the drafts that are new as events of in, and their deliveries.
func (db *DB) record(tx *bbolt.Tx, in instance.Instance, drafts []readyDraft) ([]event.Event, error) {
	for _, d := range drafts {
		if d.look != nil {
			return nil, errLooks
		}
	}
	fresh, err := db.markKnown(tx, in.ID, drafts)
	if err != nil || len(fresh) == 0 {
		return nil, err
	}
	if err := db.countSeen(tx, in.ID, fresh); err != nil {
		return nil, err
	}
	business, err := businessOf(tx, in)
	if err != nil {
		return nil, err
	}
	hooks, err := all[webhook.Webhook](tx.Bucket(bucketWebhook), prefixOf(in.ID))
	if err != nil {
		return nil, fmt.Errorf("webhooks of instance %s: %w", in.ID, err)
	}
	hooks = withBusinessHook(hooks, business, in.ID)
	seq, err := raiseSeq(tx, in.ID, uint64(len(fresh)))
	if err != nil {
		return nil, err
	}
	wire := in.Wire(business)
	recorded := make([]event.Event, 0, len(fresh))
	for i, d := range fresh {
		ev, err := makeEvent(in.ID, seq+uint64(i), wire, d)
		if err != nil {
			return nil, err
		}
		if err := db.storeEvent(tx, ev, hooks); err != nil {
			return nil, fmt.Errorf("record event %s: %w", d.info.Type, err)
		}
		recorded = append(recorded, ev)
	}
	return recorded, nil
}

// markKnown leaves out the drafts whose keys are recorded already and marks
// the keys of the others.
func (db *DB) markKnown(tx *bbolt.Tx, instanceID string, drafts []readyDraft) ([]readyDraft, error) {
	var fresh []readyDraft
	for _, d := range drafts {
		ok, err := db.claim(tx, instanceID, d)
		if err != nil {
			return nil, err
		}
		if ok {
			fresh = append(fresh, d)
		}
	}
	return fresh, nil
}

// claim marks the key of a draft; false when it is marked already. A key's row
// carries the time, for the sweep.
func (db *DB) claim(tx *bbolt.Tx, instanceID string, d readyDraft) (bool, error) {
	if d.key == "" {
		return true, nil
	}
	known := tx.Bucket(bucketEventKey)
	key := append(pairKey(instanceID, string(d.info.Type)), 0)
	key = append(key, digestKey(d.key)...)
	if known.Get(key) != nil {
		return false, nil
	}
	if err := known.Put(key, binary.BigEndian.AppendUint64(nil, uint64(db.now().UnixMilli()))); err != nil {
		return false, fmt.Errorf("mark event key: %w", err)
	}
	return true, nil
}

// raiseSeq reserves n sequence numbers of an instance and returns the first.
func raiseSeq(tx *bbolt.Tx, instanceID string, n uint64) (uint64, error) {
	b := tx.Bucket(bucketEventSeq)
	var last uint64
	if raw := b.Get([]byte(instanceID)); raw != nil {
		if len(raw) != 8 {
			return 0, fmt.Errorf("sequence of instance %s: %w", instanceID, errUnknownVersion)
		}
		last = binary.BigEndian.Uint64(raw)
	}
	return last + 1, b.Put([]byte(instanceID), binary.BigEndian.AppendUint64(nil, last+n))
}

func makeEvent(instanceID string, seq uint64, wire event.WireInstance, d readyDraft) (event.Event, error) {
	id, err := event.NewID()
	if err != nil {
		return event.Event{}, fmt.Errorf("make event id: %w", err)
	}
	body, err := json.Marshal(event.Envelope{
		Event: d.info.Wire, ID: id, Seq: seq, Timestamp: event.WireTime(d.at), Instance: wire, Data: d.data,
	})
	if err != nil {
		return event.Event{}, fmt.Errorf("make event body: %w", err)
	}
	return event.Event{ID: id, Seq: seq, InstanceID: instanceID, Type: d.info.Type, At: d.at, Body: body, Token: d.token}, nil
}

// storeEvent writes an event and queues it for the webhooks that want it.
func (db *DB) storeEvent(tx *bbolt.Tx, ev event.Event, hooks []webhook.Webhook) error {
	events := tx.Bucket(bucketEvent)
	events.FillPercent = fillAppended
	if err := save(events, countKey(ev.InstanceID, ev.Seq), ev); err != nil {
		return err
	}
	for _, w := range hooks {
		if !w.Wants(ev.Type) {
			continue
		}
		if err := enqueue(tx, w, ev, db.now()); err != nil {
			return fmt.Errorf("queue for webhook %s: %w", w.ID, err)
		}
	}
	return nil
}
