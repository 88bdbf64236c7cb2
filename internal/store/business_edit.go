package store

import (
	"context"

	"go.etcd.io/bbolt"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// UpdateBusiness loads a tenant, lets alter change it and stores it;
// instance.ErrNoBusiness. alter must not call the store.
func (db *DB) UpdateBusiness(ctx context.Context, id string, alter func(*instance.Business) error) (instance.Business, error) {
	var b instance.Business
	err := db.write(ctx, func(tx *bbolt.Tx) error {
		checked := func(b *instance.Business) error {
			if err := alter(b); err != nil {
				return err
			}
			if b.ID != id {
				return errIDChanged
			}
			return nil
		}
		var err error
		b, err = change(tx.Bucket(bucketBusiness), []byte(id), instance.ErrNoBusiness, checked)
		return err
	})
	if err != nil {
		return instance.Business{}, err
	}
	return b, nil
}

// DeleteBusiness removes a tenant; instance.ErrBusinessInUse while it has a
// living instance. What waits for its webhook is dropped by the dispatcher,
// which finds the webhook gone.
func (db *DB) DeleteBusiness(ctx context.Context, id string) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bucketBusiness)
		if bucket.Get([]byte(id)) == nil {
			return instance.ErrNoBusiness
		}
		list, err := all[instance.Instance](tx.Bucket(bucketInstance), nil)
		if err != nil {
			return err
		}
		for _, in := range list {
			if in.BusinessID == id && in.DeletedAt.IsZero() {
				return instance.ErrBusinessInUse
			}
		}
		for _, kind := range []auth.HolderKind{auth.HolderBusiness, auth.HolderOldBusiness} {
			if err := deleteUses(tx, auth.Holder{Kind: kind, ID: id}); err != nil {
				return err
			}
		}
		return bucket.Delete([]byte(id))
	})
}

// businessHook is the webhook of a tenant as one of an instance of it: the
// contract gives it no toggles, so it wants everything.
func businessHook(b instance.Business, instanceID string) (webhook.Webhook, bool) {
	if b.Webhook == nil {
		return webhook.Webhook{}, false
	}
	h := b.Webhook
	return webhook.Webhook{
		ID: h.ID, InstanceID: instanceID, Name: h.Name, URL: h.URL, Enabled: h.Enabled, Secret: h.Secret,
		Events:    webhook.Events{ID: h.ID, Toggles: webhook.AllToggles(), CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt},
		CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt, Rev: 1,
	}, true
}

// loadHook finds the receiver of a delivery: a webhook of the instance, or that
// of the tenant that the event was of when it was recorded.
func loadHook(tx *bbolt.Tx, d webhook.Delivery) (webhook.Webhook, bool, error) {
	w, ok, err := load[webhook.Webhook](tx.Bucket(bucketWebhook), pairKey(d.InstanceID, d.WebhookID))
	if ok || err != nil {
		return w, ok, err
	}
	c := tx.Bucket(bucketBusiness).Cursor()
	for k, raw := c.First(); k != nil; k, raw = c.Next() {
		b, err := decode[instance.Business](raw)
		if err != nil {
			return w, false, err
		}
		if hook, has := businessHook(b, d.InstanceID); has && hook.ID == d.WebhookID {
			return hook, true, nil
		}
	}
	return w, false, nil
}

// withBusinessHook adds the tenant's webhook to those of an instance.
func withBusinessHook(hooks []webhook.Webhook, b instance.Business, instanceID string) []webhook.Webhook {
	if hook, ok := businessHook(b, instanceID); ok {
		return append(hooks, hook)
	}
	return hooks
}
