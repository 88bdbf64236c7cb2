package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"pombal/internal/problem"
	"pombal/internal/webhook"
)

var _ webhook.Store = (*DB)(nil)

var errWebhookTaken = problem.New(problem.Conflict, "error.id_taken")

// Webhook finds a webhook of a living instance; webhook.ErrNotFound.
func (db *DB) Webhook(ctx context.Context, instanceID, id string) (webhook.Webhook, error) {
	var w webhook.Webhook
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		if _, err := living(tx, instanceID); err != nil {
			return asWebhookError(err)
		}
		var ok bool
		var err error
		if w, ok, err = load[webhook.Webhook](tx.Bucket(bucketWebhook), pairKey(instanceID, id)); err == nil && !ok {
			return webhook.ErrNotFound
		}
		return err
	})
	return w, err
}

// Webhooks lists the webhooks of a living instance, oldest first;
// instance.ErrNotFound.
func (db *DB) Webhooks(ctx context.Context, instanceID string) ([]webhook.Webhook, error) {
	var list []webhook.Webhook
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		if _, err := living(tx, instanceID); err != nil {
			return err
		}
		var err error
		list, err = all[webhook.Webhook](tx.Bucket(bucketWebhook), prefixOf(instanceID))
		return err
	})
	slices.SortFunc(list, func(a, b webhook.Webhook) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, err
}

// CountWebhooks counts the webhooks of each instance that has some.
func (db *DB) CountWebhooks(ctx context.Context) (map[string]webhook.Count, error) {
	counts := make(map[string]webhook.Count)
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		list, err := all[webhook.Webhook](tx.Bucket(bucketWebhook), nil)
		for _, w := range list {
			c := counts[w.InstanceID]
			c.All++
			if w.Enabled {
				c.Enabled++
				h, _, err := load[hookHealth](tx.Bucket(bucketHealth), []byte(w.ID))
				if err != nil {
					return err
				}
				if h.Failing(w) {
					c.Failing++
				}
			}
			counts[w.InstanceID] = c
		}
		return err
	})
	return counts, err
}

// CreateWebhook stores a new webhook; instance.ErrNotFound when its instance
// is not living, problem.Conflict when its id exists.
func (db *DB) CreateWebhook(ctx context.Context, w webhook.Webhook) error {
	if err := checkID("webhook", w.ID); err != nil {
		return err
	}
	return db.grow(ctx, func(tx *bbolt.Tx) error {
		if _, err := living(tx, w.InstanceID); err != nil {
			return err
		}
		if webhookExists(tx, w.ID) {
			return errWebhookTaken
		}
		return save(tx.Bucket(bucketWebhook), pairKey(w.InstanceID, w.ID), w)
	})
}

// webhookExists looks through the webhooks of all instances: a lane of the
// outbox is named by the webhook alone.
func webhookExists(tx *bbolt.Tx, id string) bool {
	c := tx.Bucket(bucketWebhook).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if _, have, _ := bytes.Cut(k, []byte{0}); string(have) == id {
			return true
		}
	}
	return false
}

// UpdateWebhook loads a webhook of a living instance, lets change alter it and
// stores it; webhook.ErrNotFound. change must not call the store.
func (db *DB) UpdateWebhook(
	ctx context.Context, instanceID, id string, alter func(*webhook.Webhook) error,
) (webhook.Webhook, error) {
	var w webhook.Webhook
	err := db.write(ctx, func(tx *bbolt.Tx) error {
		if _, err := living(tx, instanceID); err != nil {
			return asWebhookError(err)
		}
		checked := func(w *webhook.Webhook) error {
			if err := alter(w); err != nil {
				return err
			}
			if w.ID != id || w.InstanceID != instanceID {
				return errIDChanged
			}
			return nil
		}
		var err error
		w, err = change(tx.Bucket(bucketWebhook), pairKey(instanceID, id), webhook.ErrNotFound, checked)
		return err
	})
	if err != nil {
		return webhook.Webhook{}, err
	}
	return w, nil
}

// DeleteWebhook removes a webhook with its log and what waits for it;
// webhook.ErrNotFound. A long queue takes several commits; should Pombal stop
// between them, the lane is found without its webhook and dropped then.
func (db *DB) DeleteWebhook(ctx context.Context, instanceID, id string) error {
	err := db.write(ctx, func(tx *bbolt.Tx) error {
		if _, err := living(tx, instanceID); err != nil {
			return asWebhookError(err)
		}
		hooks, key := tx.Bucket(bucketWebhook), pairKey(instanceID, id)
		if hooks.Get(key) == nil {
			return webhook.ErrNotFound
		}
		if err := hooks.Delete(key); err != nil {
			return err
		}
		if _, err := dropPending(tx, id, dropChunk); err != nil {
			return err
		}
		return purgeHook(tx, id)
	})
	if err != nil {
		return err
	}
	// The webhook is gone already, so a caller who leaves changes nothing.
	if err := db.DropLane(context.WithoutCancel(ctx), id); err != nil {
		return fmt.Errorf("drop what waited for webhook %s: %w", id, err)
	}
	return nil
}

// asWebhookError makes a missing instance look like a missing webhook, which
// is what a caller who asked for a webhook can understand.
func asWebhookError(err error) error {
	if problem.KindOf(err) == problem.NotFound {
		return webhook.ErrNotFound
	}
	return err
}
