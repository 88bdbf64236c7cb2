package wastore

import (
	"bytes"
	"context"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// tokenRow is the stored form of a privacy token, times in whole seconds;
// sent is 0 when no token was ever sent.
type tokenRow struct {
	token []byte
	at    int64
	sent  int64
}

func (r tokenRow) encode() []byte {
	rec := newRecord(len(r.token)).int(r.at).bytes(r.token)
	if r.sent <= 0 {
		return rec.bytes(nil)
	}
	return rec.int(r.sent)
}

func parseToken(raw []byte) (tokenRow, error) {
	f := parse(raw)
	row := tokenRow{at: f.int(), token: f.bytes(), sent: f.int()}
	return row, f.err
}

func tokenKey(user types.JID) []byte { return []byte(user.ToNonAD().String()) }

// PutPrivacyTokens stores tokens, all or none, each unless a newer one is
// there. A token without a sender time keeps the stored one; a time at or
// before the epoch counts as none, since a history sync sends it for "never".
func (s *deviceStore) PutPrivacyTokens(ctx context.Context, tokens ...wmstore.PrivacyToken) (err error) {
	defer guard("PutPrivacyTokens", &err)
	if len(tokens) == 0 {
		return nil
	}
	return s.update(ctx, rides, func(d *deviceTx) error {
		for _, token := range tokens {
			if token.Token == nil {
				return invalid("privacy token is nil")
			}
			if err := d.putToken(token); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *deviceTx) putToken(token wmstore.PrivacyToken) error {
	row := tokenRow{token: token.Token, at: token.Timestamp.Unix()}
	if !token.SenderTimestamp.IsZero() {
		row.sent = token.SenderTimestamp.Unix()
	}
	key := tokenKey(token.User)
	if raw := d.get(flat(bucketToken), key); raw != nil {
		old, err := parseToken(raw)
		if err != nil || row.at < old.at {
			return err
		}
		if row.sent <= 0 {
			row.sent = old.sent
		}
	}
	return d.put(flat(bucketToken), key, row.encode())
}

// GetPrivacyToken returns the newest token stored under a user's phone number
// or LID, nil when there is none. Of equally new ones it is the one sent last,
// then the one under the JID asked for.
func (s *deviceStore) GetPrivacyToken(ctx context.Context, user types.JID) (token *wmstore.PrivacyToken, err error) {
	defer guard("GetPrivacyToken", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		var best *tokenRow
		for _, form := range d.bothForms(user) {
			raw := d.get(flat(bucketToken), tokenKey(form))
			if raw == nil {
				continue
			}
			row, err := parseToken(raw)
			if err != nil {
				return err
			}
			if best == nil || row.at > best.at || row.at == best.at && row.sent > best.sent {
				best = &row
			}
		}
		if best == nil {
			return nil
		}
		token = &wmstore.PrivacyToken{User: user.ToNonAD(), Token: best.token, Timestamp: time.Unix(best.at, 0)}
		if best.sent > 0 {
			token.SenderTimestamp = time.Unix(best.sent, 0)
		}
		return nil
	})
	return token, err
}

// DeleteExpiredPrivacyTokens forgets tokens older than cutoff, in whole
// seconds, and counts them.
func (s *deviceStore) DeleteExpiredPrivacyTokens(ctx context.Context, cutoff time.Time) (count int64, err error) {
	defer guard("DeleteExpiredPrivacyTokens", &err)
	err = s.update(ctx, rides, func(d *deviceTx) error {
		var expired [][]byte
		err := d.scan(flat(bucketToken), nil, func(key, raw []byte) error {
			row, err := parseToken(raw)
			if row.at < cutoff.Unix() {
				expired = append(expired, bytes.Clone(key))
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, key := range expired {
			d.delete(flat(bucketToken), key)
		}
		count = int64(len(expired))
		return nil
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}
