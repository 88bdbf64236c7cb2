package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
)

// maxScanned bounds how many recorded events one search looks through, so that
// it ends within a second on a slow disk.
const maxScanned = 20_000

// Chats lists the chats of the account that is linked to an instance, newest
// first; none while messages are not kept. instance.ErrNotFound.
func (db *DB) Chats(ctx context.Context, instanceID string) ([]event.ChatData, error) {
	rows, err := db.people(ctx, instanceID, bucketChat)
	list := make([]event.ChatData, 0, len(rows))
	for _, row := range rows {
		list = append(list, event.ChatData{
			ChatID: row.ID, RemoteJID: either(row.JID, row.LID), RemoteLID: row.LID, CreatedAt: row.CreatedAt,
		})
	}
	return list, err
}

// Contacts lists the people that the account of an instance knows, newest
// first; none while messages are not kept. instance.ErrNotFound.
func (db *DB) Contacts(ctx context.Context, instanceID string) ([]event.ContactData, error) {
	rows, err := db.people(ctx, instanceID, bucketContact)
	list := make([]event.ContactData, 0, len(rows))
	for _, row := range rows {
		list = append(list, contactData(row))
	}
	return list, err
}

// people reads one index of the account; ids sort by time of making.
func (db *DB) people(ctx context.Context, instanceID string, bucket []byte) ([]person, error) {
	var rows []person
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		in, err := living(tx, instanceID)
		if err != nil {
			return err
		}
		policy, err := policyOf(tx)
		if err == nil && policy.KeepsMessages() {
			rows, err = all[person](tx.Bucket(bucket), prefixOf(scopeOf(in)))
		}
		return err
	})
	slices.SortFunc(rows, func(a, b person) int { return cmp.Compare(b.ID, a.ID) })
	return rows, err
}

// Messages gives a part of the kept messages of an instance that are wanted,
// newest first, and how many those are in all. Kept are those whose events
// are: the retention of events is theirs, and none while messages are not kept.
// instance.ErrNotFound.
func (db *DB) Messages(
	ctx context.Context, instanceID string, wanted func(event.MessageData) bool, from, most int,
) (part []event.MessageData, total int, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) error {
		if _, err := living(tx, instanceID); err != nil {
			return err
		}
		part, total = nil, 0
		policy, err := policyOf(tx)
		if err != nil || !policy.KeepsMessages() {
			return err
		}
		c, prefix := tx.Bucket(bucketEvent).Cursor(), prefixOf(instanceID)
		k, raw := seekLast(c, prefix)
		for scanned := 0; k != nil && scanned < maxScanned && hasPrefix(k, prefix); scanned++ {
			messages, err := messagesOf(raw)
			if err != nil {
				return err
			}
			for _, m := range messages {
				if !wanted(m) {
					continue
				}
				if total >= from && len(part) < most {
					part = append(part, m)
				}
				total++
			}
			k, raw = c.Prev()
		}
		return ctx.Err()
	})
	return part, total, err
}

func hasPrefix(key, prefix []byte) bool {
	return len(key) >= len(prefix) && string(key[:len(prefix)]) == string(prefix)
}

// messagesOf reads the messages of a recorded event, newest first; none when
// it is about something else. What the API has sent is recorded as arrived too,
// so send.message would bring it twice.
func messagesOf(raw []byte) ([]event.MessageData, error) {
	head, err := decode[struct {
		Type event.Type      `json:"type"`
		Body json.RawMessage `json:"body"`
	}](raw)
	if err != nil {
		return nil, err
	}
	switch head.Type {
	case event.MessagesUpsert:
		var one struct {
			Data event.MessageData `json:"data"`
		}
		err = json.Unmarshal(head.Body, &one)
		return []event.MessageData{one.Data}, err
	case event.MessagesSet:
		var many struct {
			Data []event.MessageData `json:"data"`
		}
		err = json.Unmarshal(head.Body, &many)
		slices.SortStableFunc(many.Data, func(a, b event.MessageData) int {
			return cmp.Compare(b.MessageTimestamp, a.MessageTimestamp)
		})
		return many.Data, err
	default:
		return nil, nil
	}
}
