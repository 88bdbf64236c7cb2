package wastore

import (
	"context"
	"fmt"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
)

func parseBuffered(raw []byte) (*wmstore.BufferedEvent, error) {
	f := parse(raw)
	event := &wmstore.BufferedEvent{
		InsertTime: time.UnixMilli(f.int()),
		ServerTime: time.Unix(f.int(), 0),
		Plaintext:  f.bytes(),
	}
	return event, f.err
}

func encodeBuffered(event *wmstore.BufferedEvent) []byte {
	return newRecord(len(event.Plaintext) + 20).
		int(event.InsertTime.UnixMilli()).int(event.ServerTime.Unix()).bytes(event.Plaintext)
}

// DoDecryptionTxn runs fn so that all store calls made with its context are
// kept together or not at all. fn's error, or its panic, drops them and comes
// out as it is: the engine tells old counters and unknown keys by it.
func (s *deviceStore) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	var own error
	err := s.c.atomic(ctx, s, rides, func(ctx context.Context) error {
		own = fn(ctx)
		return own
	})
	if own != nil {
		return own
	}
	return fail("DoDecryptionTxn", err)
}

// GetBufferedEvent returns a decrypted event, nil when the hash is unknown. A
// nil plaintext in it says that the event was processed already.
func (s *deviceStore) GetBufferedEvent(ctx context.Context, ciphertextHash [32]byte) (event *wmstore.BufferedEvent, err error) {
	defer guard("GetBufferedEvent", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		_, raw := d.find(bucketBuffer, d.snap.parts(bucketBuffer, dayOf(s.c.now())), ciphertextHash[:])
		if raw == nil {
			return nil
		}
		event, err = parseBuffered(raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	return event, nil
}

// PutBufferedEvent stores a decrypted event. A hash that is there already is an
// error, so that its second decryption is rolled back.
func (s *deviceStore) PutBufferedEvent(ctx context.Context, ciphertextHash [32]byte, plaintext []byte, serverTimestamp time.Time) (err error) {
	defer guard("PutBufferedEvent", &err)
	now := s.c.now()
	return s.update(ctx, rides, func(d *deviceTx) error {
		today := table{bucketBuffer, dayOf(now)}
		if _, raw := d.find(bucketBuffer, d.snap.parts(bucketBuffer, today.part), ciphertextHash[:]); raw != nil {
			return fmt.Errorf("buffered event: %w", errDuplicate)
		}
		return d.put(today, ciphertextHash[:], encodeBuffered(&wmstore.BufferedEvent{
			Plaintext:  plaintext,
			InsertTime: now,
			ServerTime: serverTimestamp,
		}))
	})
}

// ClearBufferedEventPlaintext marks an event as processed. The hash stays until
// its day is swept, so that a redelivery is recognised.
func (s *deviceStore) ClearBufferedEventPlaintext(ctx context.Context, ciphertextHash [32]byte) (err error) {
	defer guard("ClearBufferedEventPlaintext", &err)
	return s.update(ctx, rides, func(d *deviceTx) error {
		t, raw := d.find(bucketBuffer, d.snap.parts(bucketBuffer, dayOf(s.c.now())), ciphertextHash[:])
		if raw == nil {
			return nil
		}
		event, err := parseBuffered(raw)
		if err != nil {
			return err
		}
		event.Plaintext = nil
		return d.replace(t, ciphertextHash[:], encodeBuffered(event))
	})
}

// DeleteOldBufferedHashes does nothing: Sweep drops whole days.
func (s *deviceStore) DeleteOldBufferedHashes(context.Context) error { return nil }
