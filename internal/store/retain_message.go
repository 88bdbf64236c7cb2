package store

import (
	"bytes"
	"context"
	"encoding/binary"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// maxAwaited is how many deliveries may wait in the lanes of an instance for a
// sweep of its messages to tell which events they need. With more it keeps all
// until a later sweep: reading them would hold up everybody who writes.
const maxAwaited = 2000

// sweepMessages removes the events about messages, chats and contacts that no
// delivery waits for.
func (db *DB) sweepMessages(ctx context.Context) error {
	return db.sweepWith(ctx, bucketEvent, personalEvents, dropUnawaited)
}

// personalEvents drops the events that tell who wrote what to whom.
func personalEvents(_, raw []byte) (verdict, error) {
	head, err := decode[eventHead](raw)
	if err != nil {
		return keepRow, err
	}
	info, _ := event.Lookup(string(head.Type))
	switch info.Group {
	case event.GroupMessages, event.GroupContacts, event.GroupChats:
		return dropRow, nil
	default:
		return keepRow, nil
	}
}

// dropUnawaited removes the events that nobody waits for. An event and its
// deliveries are written in one commit, so what waits is known for certain only
// inside the transaction that removes.
func dropUnawaited(tx *bbolt.Tx, keys [][]byte) error {
	events := tx.Bucket(bucketEvent)
	var instanceID string
	var waiting awaited
	dropped := false
	for _, key := range keys {
		id, seq, _ := bytes.Cut(key, []byte{0})
		if string(id) != instanceID {
			var err error
			instanceID = string(id)
			if waiting, err = awaitedOf(tx, instanceID); err != nil {
				return err
			}
		}
		if waiting.all || waiting.seqs[binary.BigEndian.Uint64(seq)] || events.Get(key) == nil {
			continue
		}
		if err := events.Delete(key); err != nil {
			return err
		}
		dropped = true
	}
	if !dropped {
		return errUnchanged
	}
	return nil
}

// awaited are the events of an instance that deliveries wait for.
type awaited struct {
	all  bool // too many wait to tell
	seqs map[uint64]bool
}

func awaitedOf(tx *bbolt.Tx, instanceID string) (awaited, error) {
	lanes := webhookIDs(tx, instanceID)
	// An instance that was moved may still have deliveries to the tenant it was
	// of.
	tenants, err := all[instance.Business](tx.Bucket(bucketBusiness), nil)
	if err != nil {
		return awaited{}, err
	}
	for _, b := range tenants {
		if b.Webhook != nil {
			lanes = append(lanes, b.Webhook.ID)
		}
	}
	found := awaited{seqs: make(map[uint64]bool)}
	rows := uint64(0)
	for _, lane := range lanes {
		size, err := sizeOfLane(tx, lane)
		if err != nil {
			return awaited{}, err
		}
		if rows += size.rows; rows > maxAwaited {
			return awaited{all: true}, nil
		}
		seqs, err := waitingSeqs(tx, lane)
		if err != nil {
			return awaited{}, err
		}
		for seq := range seqs {
			found.seqs[seq] = true
		}
	}
	return found, nil
}
