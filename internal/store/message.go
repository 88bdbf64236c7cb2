package store

import (
	"context"
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// messageKey finds a message of an account by WhatsApp's id, which is text of
// somebody else's making.
func messageKey(scope, keyID string) []byte {
	return append(prefixOf(scope), digestKey(keyID)...)
}

// Message finds a message by WhatsApp's id.
func (x *index) Message(keyID string) (event.MessageRef, bool, error) {
	ref, ok, err := load[event.MessageRef](x.tx.Bucket(bucketMessage), messageKey(x.scope, keyID))
	if err != nil {
		return event.MessageRef{}, false, fmt.Errorf("message %q: %w", keyID, err)
	}
	return ref, ok, nil
}

// PutMessage remembers a message by WhatsApp's id.
func (x *index) PutMessage(keyID string, ref event.MessageRef) error {
	raw, err := encode(ref)
	if err != nil {
		return err
	}
	x.wrote = true
	return x.tx.Bucket(bucketMessage).Put(messageKey(x.scope, keyID), raw)
}

// Message finds a message that was sent from the instance's account; ok is
// false when there is none.
func (db *DB) Message(ctx context.Context, instanceID, keyID string) (ref event.MessageRef, ok bool, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) error {
		in, err := living(tx, instanceID)
		if err == nil {
			ref, ok, err = newIndex(tx, in, db.now()).Message(keyID)
		}
		return err
	})
	return ref, ok, err
}

// EventWanted says whether an enabled webhook of the instance wants t.
func (db *DB) EventWanted(ctx context.Context, instanceID string, t event.Type) (wanted bool, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) error {
		in, err := living(tx, instanceID)
		if err != nil {
			return err
		}
		hooks, err := hooksOf(tx, in)
		wanted = anyWants(hooks, t)
		return err
	})
	return wanted, err
}

// hooksOf are the webhooks that hear of an instance.
func hooksOf(tx *bbolt.Tx, in instance.Instance) ([]webhook.Webhook, error) {
	business, err := businessOf(tx, in)
	if err != nil {
		return nil, err
	}
	hooks, err := all[webhook.Webhook](tx.Bucket(bucketWebhook), prefixOf(in.ID))
	if err != nil {
		return nil, fmt.Errorf("webhooks of instance %s: %w", in.ID, err)
	}
	return withBusinessHook(hooks, business, in.ID), nil
}

func anyWants(hooks []webhook.Webhook, t event.Type) bool {
	for _, w := range hooks {
		if w.Wants(t) {
			return true
		}
	}
	return false
}

// look lets the drafts that ask for it see the index, and replaces each by the
// events it makes. wrote says that the index has changed.
func (db *DB) look(tx *bbolt.Tx, in instance.Instance, drafts []readyDraft) (ready []readyDraft, wrote bool, err error) {
	x := newIndex(tx, in, db.now())
	for _, d := range drafts {
		if d.look == nil {
			ready = append(ready, d)
			continue
		}
		fresh, err := db.claim(tx, in.ID, d)
		if err != nil {
			return nil, false, err
		}
		if !fresh {
			continue
		}
		made, err := made(x, d)
		if err != nil {
			return nil, false, fmt.Errorf("record event %s: %w", d.info.Type, err)
		}
		ready = append(ready, made...)
	}
	ready, err = onlyWanted(tx, in, ready)
	return ready, x.wrote, err
}

// made are the events that a draft makes of the index. Their key is claimed
// already.
func made(x *index, d readyDraft) ([]readyDraft, error) {
	payloads, err := d.look(x)
	if err != nil {
		return nil, err
	}
	list := make([]readyDraft, 0, len(payloads))
	for _, p := range payloads {
		info, ok := event.Lookup(string(p.Type))
		if !ok {
			return nil, fmt.Errorf("unknown type %q", p.Type)
		}
		data, err := json.Marshal(p.Data)
		if err != nil {
			return nil, err
		}
		list = append(list, readyDraft{info: info, at: d.at, data: data, onlyWanted: d.onlyWanted, token: d.token})
	}
	return list, nil
}

// onlyWanted leaves out the drafts that are to be recorded only where a webhook
// wants them and that none wants.
func onlyWanted(tx *bbolt.Tx, in instance.Instance, drafts []readyDraft) ([]readyDraft, error) {
	var hooks []webhook.Webhook
	asked := false
	var kept []readyDraft
	for _, d := range drafts {
		if d.onlyWanted && !asked {
			var err error
			if hooks, err = hooksOf(tx, in); err != nil {
				return nil, err
			}
			asked = true
		}
		if !d.onlyWanted || anyWants(hooks, d.info.Type) {
			kept = append(kept, d)
		}
	}
	return kept, nil
}
