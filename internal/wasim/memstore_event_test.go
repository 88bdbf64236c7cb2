package wasim_test

import (
	"context"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func (m *memory) GetBufferedEvent(_ context.Context, h [32]byte) (*store.BufferedEvent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x := m.buffer[h]; x != nil {
		clone := *x
		return &clone, nil
	}
	return nil, nil
}

func (m *memory) PutBufferedEvent(_ context.Context, h [32]byte, plain []byte, t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.buffer[h] = &store.BufferedEvent{Plaintext: slices.Clone(plain), InsertTime: time.Now(), ServerTime: t}
	return nil
}

func (m *memory) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	return fn(ctx)
}

func (m *memory) ClearBufferedEventPlaintext(_ context.Context, h [32]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x := m.buffer[h]; x != nil {
		x.Plaintext = nil
	}
	return nil
}

func (m *memory) DeleteOldBufferedHashes(context.Context) error { return nil }

func (m *memory) GetOutgoingEvent(context.Context, types.JID, types.JID, types.MessageID) (string, []byte, error) {
	return "", nil, nil
}

func (m *memory) AddOutgoingEvent(context.Context, types.JID, types.MessageID, string, []byte) error {
	return nil
}

func (m *memory) DeleteOldOutgoingEvents(context.Context) error { return nil }
