package store

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

// outcomeRows bounds how many rows of each part of a webhook's ledger are read
// for the outcomes of a page of events: as many as are kept of what settled.
const outcomeRows = keepDeliveries

// EventOutcomes says what became of events at the webhooks of their instances,
// by event id. Of an event that was sent again the newest delivery counts. An
// event without an entry went to no webhook, or longer ago than ledgers reach.
func (db *DB) EventOutcomes(ctx context.Context, events []event.Event) (map[string]webhook.Outcome, error) {
	outcomes := make(map[string]webhook.Outcome)
	oldest := make(map[string]uint64) // by instance
	asked := make(map[string]bool)
	for _, ev := range events {
		asked[ev.ID] = true
		if seq, ok := oldest[ev.InstanceID]; !ok || ev.Seq < seq {
			oldest[ev.InstanceID] = ev.Seq
		}
	}
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		for id, from := range oldest {
			for _, hook := range webhookIDs(tx, id) {
				if err := hookOutcomes(tx, hook, from, asked, outcomes); err != nil {
					return fmt.Errorf("outcomes of webhook %s: %w", hook, err)
				}
			}
		}
		return nil
	})
	return outcomes, err
}

// deliveryHead is what an outcome is made of.
type deliveryHead struct {
	ID       uint64                 `json:"id"`
	EventID  string                 `json:"eventId"`
	EventSeq uint64                 `json:"eventSeq"`
	Status   webhook.DeliveryStatus `json:"status"`
	Attempts int                    `json:"attempts"`
	Replay   bool                   `json:"replay"`
}

// hookOutcomes adds what became of the events at one webhook.
func hookOutcomes(tx *bbolt.Tx, hook string, from uint64, asked map[string]bool, outcomes map[string]webhook.Outcome) error {
	newest := make(map[string]deliveryHead)
	for _, name := range bucketsOf("") {
		c, prefix := tx.Bucket(name).Cursor(), prefixOf(hook)
		k, raw := seekLast(c, prefix)
		for n := 0; n < outcomeRows && bytes.HasPrefix(k, prefix); n++ {
			d, err := decode[deliveryHead](raw)
			if err != nil {
				return err
			}
			if d.EventSeq < from && !d.Replay {
				break // those before it are about older events still
			}
			if asked[d.EventID] && d.ID > newest[d.EventID].ID {
				newest[d.EventID] = d
			}
			k, raw = c.Prev()
		}
	}
	for id, d := range newest {
		outcomes[id] = outcomes[id].With(d.Status, d.Attempts)
	}
	return nil
}
