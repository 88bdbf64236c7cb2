package wastore

import (
	"context"
)

// senderKey puts the sender first: moving a sender to a LID is one range.
func senderKey(group, user string) []byte { return join(user, group) }

// PutSenderKey stores the sender key of a user in a group.
func (s *deviceStore) PutSenderKey(ctx context.Context, group, user string, session []byte) (err error) {
	defer guard("PutSenderKey", &err)
	if session == nil {
		return invalid("sender key is nil")
	}
	return s.update(ctx, waits, func(d *deviceTx) error {
		return d.put(flat(bucketSender), senderKey(group, user), blob(session))
	})
}

// GetSenderKey returns the sender key of a user in a group, nil when there is
// none.
func (s *deviceStore) GetSenderKey(ctx context.Context, group, user string) (key []byte, err error) {
	defer guard("GetSenderKey", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		key, err = d.blob(bucketSender, senderKey(group, user))
		return err
	})
	return key, err
}
