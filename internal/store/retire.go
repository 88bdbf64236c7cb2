package store

import (
	"bytes"
	"math"

	"go.etcd.io/bbolt"

	"pombal/internal/instance"
)

// freeID makes room for a new instance under an id. The remains of a deleted
// one are removed, unless something still waits to be delivered from it.
func freeID(tx *bbolt.Tx, id string) error {
	old, ok, err := load[instance.Instance](tx.Bucket(bucketInstance), []byte(id))
	if err != nil {
		return err
	}
	if !ok {
		return nil
	}
	hooks := webhookIDs(tx, id)
	if old.DeletedAt.IsZero() || anyPending(tx, hooks) {
		return instance.ErrIDTaken
	}
	return purge(tx, id, hooks)
}

// webhookIDs lists the ids of an instance's webhooks.
func webhookIDs(tx *bbolt.Tx, instanceID string) []string {
	var ids []string
	prefix := prefixOf(instanceID)
	c := tx.Bucket(bucketWebhook).Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		ids = append(ids, string(k[len(prefix):]))
	}
	return ids
}

// purge removes everything of a deleted instance.
func purge(tx *bbolt.Tx, instanceID string, webhookIDs []string) error {
	for _, id := range webhookIDs {
		if err := purgeHook(tx, id); err != nil {
			return err
		}
	}
	for _, name := range append(indexBuckets(), bucketWebhook, bucketEvent, bucketEventKey, bucketSeen, bucketCaught) {
		if _, err := removePrefix(tx.Bucket(name), prefixOf(instanceID), math.MaxInt); err != nil {
			return err
		}
	}
	if err := tx.Bucket(bucketEventSeq).Delete([]byte(instanceID)); err != nil {
		return err
	}
	return tx.Bucket(bucketInstance).Delete([]byte(instanceID))
}

// purgeHook removes what is kept of a webhook's deliveries and their outcomes.
func purgeHook(tx *bbolt.Tx, webhookID string) error {
	for _, name := range [][]byte{bucketDelivery, bucketDead} {
		if _, err := removePrefix(tx.Bucket(name), prefixOf(webhookID), math.MaxInt); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketHealth).Delete([]byte(webhookID))
}
