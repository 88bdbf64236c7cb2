package wastore

import (
	"context"

	"go.mau.fi/whatsmeow/types"
)

// AddOutgoingEvent keeps a message that was sent, so that a receiver who could
// not read it can be sent it again.
func (s *deviceStore) AddOutgoingEvent(ctx context.Context, chatJID types.JID, id types.MessageID, format string, plaintext []byte) (err error) {
	defer guard("AddOutgoingEvent", &err)
	if chatJID.IsEmpty() || plaintext == nil {
		return invalid("outgoing event without chat or plaintext")
	}
	now := s.c.now()
	return s.update(ctx, rides, func(d *deviceTx) error {
		value := newRecord(len(plaintext) + 16).int(now.UnixMilli()).str(format).bytes(plaintext)
		// A row of an earlier day stays behind it, hidden, until its day goes.
		return d.put(table{bucketOutgoing, dayOf(now)}, join(chatJID.String(), id), value)
	})
}

// GetOutgoingEvent returns a message that was sent to a chat or, else, to its
// alternative form, which may be empty. It returns ErrNotFound when there is
// none.
func (s *deviceStore) GetOutgoingEvent(ctx context.Context, chatJID, altChatJID types.JID, id types.MessageID) (format string, plaintext []byte, err error) {
	defer guard("GetOutgoingEvent", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		days := d.snap.parts(bucketOutgoing, dayOf(s.c.now()))
		for _, chat := range []types.JID{chatJID, altChatJID} {
			_, raw := d.find(bucketOutgoing, days, join(chat.String(), id))
			if raw == nil {
				continue
			}
			f := parse(raw)
			_ = f.int() // when it was added
			format, plaintext = f.str(), f.bytes()
			return f.err
		}
		return ErrNotFound
	})
	if err != nil {
		return "", nil, err
	}
	return format, plaintext, nil
}

// DeleteOldOutgoingEvents does nothing, and must: the engine calls it at every
// send. Sweep drops whole days.
func (s *deviceStore) DeleteOldOutgoingEvents(context.Context) error { return nil }
