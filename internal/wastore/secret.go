package wastore

import (
	"context"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func secretKey(chat, sender types.JID, id types.MessageID) []byte {
	return join(chat.ToNonAD().String(), id, sender.ToNonAD().String())
}

// PutMessageSecret stores the secret of a message; the first one stays.
func (s *deviceStore) PutMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID, secret []byte) (err error) {
	defer guard("PutMessageSecret", &err)
	return s.putSecrets(ctx, []wmstore.MessageSecretInsert{{Chat: chat, Sender: sender, ID: id, Secret: secret}})
}

// PutMessageSecrets stores many secrets, all or none, like PutMessageSecret.
func (s *deviceStore) PutMessageSecrets(ctx context.Context, inserts []wmstore.MessageSecretInsert) (err error) {
	defer guard("PutMessageSecrets", &err)
	return s.putSecrets(ctx, inserts)
}

func (s *deviceStore) putSecrets(ctx context.Context, inserts []wmstore.MessageSecretInsert) error {
	if len(inserts) == 0 {
		return nil
	}
	month := monthOf(s.c.now())
	return s.update(ctx, rides, func(d *deviceTx) error {
		months := d.snap.parts(bucketSecret, month)
		for _, in := range inserts {
			if in.Secret == nil {
				return invalid("message secret is nil")
			}
			key := secretKey(in.Chat, in.Sender, in.ID)
			if _, raw := d.find(bucketSecret, months, key); raw != nil {
				continue
			}
			if err := d.put(table{bucketSecret, month}, key, blob(in.Secret)); err != nil {
				return err
			}
		}
		return nil
	})
}

// GetMessageSecret returns the secret of a message and the sender it is stored
// under. Chat and sender may each be given as phone number or LID.
func (s *deviceStore) GetMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID) (secret []byte, realSender types.JID, err error) {
	defer guard("GetMessageSecret", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		months := d.snap.parts(bucketSecret, monthOf(s.c.now()))
		for _, c := range d.bothForms(chat) {
			for _, from := range d.bothForms(sender) {
				if _, raw := d.find(bucketSecret, months, secretKey(c, from, id)); raw != nil {
					realSender = from
					secret, err = parseBlob(raw)
					return err
				}
			}
		}
		return nil
	})
	return secret, realSender, err
}

// bothForms returns a JID without device and, if known, its twin.
func (d *deviceTx) bothForms(jid types.JID) []types.JID {
	forms := []types.JID{jid.ToNonAD()}
	if twin := d.twin(jid); !twin.IsEmpty() {
		forms = append(forms, twin)
	}
	return forms
}

// find looks for a row in the parts of a bucket, in that order.
func (d *deviceTx) find(bucket string, parts []string, key []byte) (table, []byte) {
	for _, part := range parts {
		t := table{bucket, part}
		if raw := d.get(t, key); raw != nil {
			return t, raw
		}
	}
	return table{}, nil
}
