package wastore

import (
	"bytes"
	"context"

	"go.mau.fi/whatsmeow/types"
)

// MigratePNToLID moves sessions, identities and sender keys of a phone number
// to its LID, over what the LID has. It does so once per number and process;
// unlike the engine's own store it tries again after a failure.
func (s *deviceStore) MigratePNToLID(ctx context.Context, pn, lid types.JID) (err error) {
	defer guard("MigratePNToLID", &err)
	from, to := pn.SignalAddressUser(), lid.SignalAddressUser()
	if from == to || s.hasMigrated(from) {
		return nil
	}
	return s.update(ctx, rides, func(d *deviceTx) error {
		if !d.alive {
			// Not a move that is done: the device may be saved yet.
			return nil
		}
		sessions, err := d.move(bucketSession, []byte(from+":"), []byte(to+":"))
		if err != nil {
			return err
		}
		identities, err := d.move(bucketIdentity, []byte(from+":"), []byte(to+":"))
		if err != nil {
			return err
		}
		senderKeys, err := d.move(bucketSender, join(from+":"), join(to+":"))
		if err != nil {
			return err
		}
		d.snap.txn.afterCommit(func() {
			s.setMigrated(from)
			if sessions+identities+senderKeys > 0 {
				s.c.log.Info("moved keys from phone number to LID", "device", s.jid, "lid", to,
					"sessions", sessions, "identities", identities, "sender_keys", senderKeys)
			}
		})
		return nil
	})
}

// move gives all rows with one key prefix another one and counts them.
func (d *deviceTx) move(bucket string, from, to []byte) (int, error) {
	type row struct{ key, value []byte }
	var rows []row
	err := d.scan(flat(bucket), from, func(key, value []byte) error {
		rows = append(rows, row{bytes.Clone(key), bytes.Clone(value)})
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		d.delete(flat(bucket), r.key)
		if err := d.put(flat(bucket), append(bytes.Clone(to), r.key[len(from):]...), r.value); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (s *deviceStore) hasMigrated(pn string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.migrated[pn]
	return ok
}

func (s *deviceStore) setMigrated(pn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.migrated[pn] = struct{}{}
}
