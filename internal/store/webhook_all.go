package store

import (
	"cmp"
	"context"
	"slices"

	"go.etcd.io/bbolt"

	"pombal/internal/webhook"
)

// AllWebhooks lists the webhooks of all instances by the id of the instance,
// oldest first. Those of deleted instances may be among them.
func (db *DB) AllWebhooks(ctx context.Context) (map[string][]webhook.Webhook, error) {
	lists := make(map[string][]webhook.Webhook)
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		list, err := all[webhook.Webhook](tx.Bucket(bucketWebhook), nil)
		for _, w := range list {
			lists[w.InstanceID] = append(lists[w.InstanceID], w)
		}
		return err
	})
	for _, list := range lists {
		slices.SortFunc(list, func(a, b webhook.Webhook) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
	}
	return lists, err
}
