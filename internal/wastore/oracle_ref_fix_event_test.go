package wastore_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// twin is the other form of a user's JID in the table, "" when there is none.
func (s *refStore) twin(ctx context.Context, jid types.JID) (string, error) {
	var other string
	var err error
	switch jid.Server {
	case types.DefaultUserServer:
		err = s.r.db.QueryRow(ctx, "SELECT lid||'@lid' FROM whatsmeow_lid_map WHERE pn=$1", jid.User).Scan(&other)
	case types.HiddenUserServer:
		err = s.r.db.QueryRow(ctx, "SELECT pn||'@s.whatsapp.net' FROM whatsmeow_lid_map WHERE lid=$1", jid.User).Scan(&other)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return other, err
}

func (s *refStore) forms(ctx context.Context, jid types.JID) ([]string, error) {
	forms := []string{jid.ToNonAD().String()}
	twin, err := s.twin(ctx, jid)
	if twin != "" {
		forms = append(forms, twin)
	}
	return forms, err
}

func (s *refStore) stampSecrets(ctx context.Context, put func(context.Context) error) error {
	if ctx.Err() != nil {
		return put(ctx)
	}
	return s.r.whole(ctx, func() error {
		return s.r.together(ctx, func(ctx context.Context) error {
			if err := put(ctx); err != nil {
				return err
			}
			return s.r.exec(ctx, "UPDATE whatsmeow_message_secrets SET oracle_month=$1 WHERE our_jid=$2 AND oracle_month=''",
				s.r.now().UTC().Format("200601"), s.JID)
		})
	})
}

func (s *refStore) PutMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID, secret []byte) error {
	return s.stampSecrets(ctx, func(ctx context.Context) error {
		return s.SQLStore.PutMessageSecret(ctx, chat, sender, id, secret)
	})
}

func (s *refStore) PutMessageSecrets(ctx context.Context, list []wmstore.MessageSecretInsert) error {
	return s.stampSecrets(ctx, func(ctx context.Context) error { return s.SQLStore.PutMessageSecrets(ctx, list) })
}

func (s *refStore) GetMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID) (secret []byte, from types.JID, err error) {
	secret, from, err = s.SQLStore.GetMessageSecret(ctx, chat, sender, id)
	if err != nil || from.IsEmpty() {
		return secret, from, err
	}
	chats, err1 := s.forms(ctx, chat)
	senders, err2 := s.forms(ctx, sender)
	if err := errors.Join(err1, err2); err != nil {
		return nil, types.JID{}, err
	}
	for _, c := range chats {
		for _, f := range senders {
			var first []byte
			err := s.r.db.QueryRow(ctx, "SELECT key FROM whatsmeow_message_secrets WHERE our_jid=$1 AND chat_jid=$2 AND sender_jid=$3 AND message_id=$4",
				s.JID, c, f, id).Scan(&first)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if string(first) != string(secret) || f != from.String() {
				s.r.allow.hit("secret order")
			}
			return first, jidOf(f), err
		}
	}
	return secret, from, nil
}

func (s *refStore) PutPrivacyTokens(ctx context.Context, tokens ...wmstore.PrivacyToken) error {
	if len(tokens) == 0 {
		s.r.allow.hit("no tokens")
		return nil
	}
	tokens = slices.Clone(tokens)
	for i, t := range tokens {
		if !t.SenderTimestamp.IsZero() && t.SenderTimestamp.Unix() <= 0 {
			s.r.allow.hit("sender time")
			tokens[i].SenderTimestamp = time.Time{}
		}
	}
	if ctx.Err() == nil && !s.alive {
		for _, t := range tokens {
			if t.Token == nil {
				return errRefConstraint
			}
		}
		s.r.allow.hit("tokens of the deleted")
		return s.mustLive()
	}
	return s.SQLStore.PutPrivacyTokens(ctx, tokens...)
}

func (s *refStore) GetPrivacyToken(ctx context.Context, user types.JID) (*wmstore.PrivacyToken, error) {
	got, err := s.SQLStore.GetPrivacyToken(ctx, user)
	if err != nil || got == nil {
		return got, err
	}
	forms, err := s.forms(ctx, user)
	if err != nil {
		return nil, err
	}
	best := wmstore.PrivacyToken{User: user.ToNonAD()}
	var at, sent int64
	err = s.r.db.QueryRow(ctx, "SELECT token, timestamp, COALESCE(sender_timestamp, 0) FROM whatsmeow_privacy_tokens "+
		"WHERE our_jid=$1 AND (their_jid=$2 OR their_jid=$3) ORDER BY timestamp DESC, COALESCE(sender_timestamp, 0) DESC, their_jid=$2 DESC LIMIT 1",
		s.JID, forms[0], forms[len(forms)-1]).Scan(&best.Token, &at, &sent)
	if best.Timestamp = time.Unix(at, 0); sent != 0 {
		best.SenderTimestamp = time.Unix(sent, 0)
	}
	if string(best.Token) != string(got.Token) || !best.SenderTimestamp.Equal(got.SenderTimestamp) {
		s.r.allow.hit("token ties")
	}
	return &best, err
}

// stamp sets the time of rows that put wrote: the reference knows only the
// real clock.
func (s *refStore) stamp(ctx context.Context, put func(context.Context) error, query string, args ...any) error {
	if ctx.Err() != nil {
		return put(ctx)
	}
	return s.r.together(ctx, func(ctx context.Context) error {
		if err := put(ctx); err != nil {
			return err
		}
		return s.r.exec(ctx, query, append([]any{s.r.now().UnixMilli(), s.JID}, args...)...)
	})
}

func (s *refStore) PutBufferedEvent(ctx context.Context, hash [32]byte, plaintext []byte, server time.Time) error {
	return s.stamp(ctx, func(ctx context.Context) error {
		return s.SQLStore.PutBufferedEvent(ctx, hash, plaintext, server)
	}, "UPDATE whatsmeow_event_buffer SET insert_timestamp=$1 WHERE our_jid=$2 AND ciphertext_hash=$3", hash[:])
}

func (s *refStore) AddOutgoingEvent(ctx context.Context, chat types.JID, id types.MessageID, format string, plaintext []byte) error {
	return s.stamp(ctx, func(ctx context.Context) error {
		return s.SQLStore.AddOutgoingEvent(ctx, chat, id, format, plaintext)
	}, "UPDATE whatsmeow_retry_buffer SET timestamp=$1 WHERE our_jid=$2 AND chat_jid=$3 AND message_id=$4", chat, id)
}

func (s *refStore) GetOutgoingEvent(ctx context.Context, chat, alt types.JID, id types.MessageID) (format string, plaintext []byte, err error) {
	format, plaintext, err = s.SQLStore.GetOutgoingEvent(ctx, chat, alt, id)
	if err != nil {
		return format, plaintext, err
	}
	var first string
	var text []byte
	err = s.r.db.QueryRow(ctx, "SELECT format, plaintext FROM whatsmeow_retry_buffer WHERE our_jid=$1 AND (chat_jid=$2 OR chat_jid=$3) AND message_id=$4 ORDER BY chat_jid=$2 DESC LIMIT 1",
		s.JID, chat.String(), alt.String(), id).Scan(&first, &text)
	if first != format || string(text) != string(plaintext) {
		s.r.allow.hit("outgoing order")
	}
	return first, text, err
}

// DeleteOldBufferedHashes does nothing, like ours: the real one looks at the
// real clock.
func (s *refStore) DeleteOldBufferedHashes(context.Context) error {
	s.r.allow.hit("sweeper's work")
	return nil
}

func (s *refStore) DeleteOldOutgoingEvents(context.Context) error {
	s.r.allow.hit("sweeper's work")
	return nil
}

func (s *refStore) PutLIDMapping(ctx context.Context, lid, pn types.JID) error {
	if isPair(lid, pn) && (lid.User == "" || pn.User == "") {
		s.r.allow.hit("lid without user")
		return errRefConstraint
	}
	s.r.lids = s.r.lids || s.r.depth > 0
	return s.r.c.LIDMap.PutLIDMapping(ctx, lid, pn)
}

func isPair(lid, pn types.JID) bool {
	return lid.Server == types.HiddenUserServer && pn.Server == types.DefaultUserServer
}

func (s *refStore) PutManyLIDMappings(ctx context.Context, list []wmstore.LIDMapping) error {
	s.r.lids = s.r.lids || s.r.depth > 0
	list = slices.DeleteFunc(slices.Clone(list), func(m wmstore.LIDMapping) bool {
		if isPair(m.LID, m.PN) && (m.LID.User == "" || m.PN.User == "") {
			s.r.allow.hit("lid without user")
			return true
		}
		return !isPair(m.LID, m.PN)
	})
	if !contradicts(list) || ctx.Err() != nil {
		return s.r.c.LIDMap.PutManyLIDMappings(ctx, list)
	}
	s.r.allow.hit("lid contradiction")
	for _, m := range list {
		if err := s.r.c.LIDMap.PutLIDMapping(ctx, m.LID, m.PN); err != nil {
			return err
		}
	}
	return nil
}

func contradicts(list []wmstore.LIDMapping) bool {
	byLID, byPN := map[string]string{}, map[string]string{}
	for _, m := range list {
		lid, pn := m.LID.User, m.PN.User
		if have, ok := byLID[lid]; ok && have != pn {
			return true
		}
		if have, ok := byPN[pn]; ok && have != lid {
			return true
		}
		byLID[lid], byPN[pn] = pn, lid
	}
	return false
}

func (s *refStore) GetPNForLID(ctx context.Context, lid types.JID) (types.JID, error) {
	return s.r.c.LIDMap.GetPNForLID(ctx, lid)
}

func (s *refStore) GetLIDForPN(ctx context.Context, pn types.JID) (types.JID, error) {
	return s.r.c.LIDMap.GetLIDForPN(ctx, pn)
}

func (s *refStore) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	return s.r.c.LIDMap.GetManyLIDsForPNs(ctx, pns)
}
