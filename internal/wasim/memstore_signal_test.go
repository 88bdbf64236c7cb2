package wasim_test

import (
	"context"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
)

func (m *memory) PutIdentity(_ context.Context, a string, k [32]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.identities[a] = k
	return nil
}

func (m *memory) DeleteAllIdentities(_ context.Context, phone string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for a := range m.identities {
		if strings.HasPrefix(a, phone+":") {
			delete(m.identities, a)
		}
	}
	return nil
}

func (m *memory) DeleteIdentity(_ context.Context, a string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.identities, a)
	return nil
}

func (m *memory) IsTrustedIdentity(_ context.Context, a string, k [32]byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.identities[a]
	return !ok || known == k, nil
}

func (m *memory) GetSession(_ context.Context, a string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[a], nil
}

func (m *memory) HasSession(_ context.Context, a string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[a] != nil, nil
}

func (m *memory) GetManySessions(_ context.Context, list []string) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][]byte{}
	for _, a := range list {
		out[a] = m.sessions[a]
	}
	return out, nil
}

func (m *memory) PutSession(_ context.Context, a string, s []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[a] = s
	return nil
}

func (m *memory) PutManySessions(_ context.Context, all map[string][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for a, s := range all {
		m.sessions[a] = s
	}
	return nil
}

func (m *memory) DeleteAllSessions(_ context.Context, phone string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for a := range m.sessions {
		if strings.HasPrefix(a, phone+":") {
			delete(m.sessions, a)
		}
	}
	return nil
}

func (m *memory) DeleteSession(_ context.Context, a string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, a)
	return nil
}

func (m *memory) MigratePNToLID(_ context.Context, pn, lid types.JID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to := pn.SignalAddressUser()+":", lid.SignalAddressUser()+":"
	for a, s := range m.sessions {
		if rest, ok := strings.CutPrefix(a, from); ok {
			m.sessions[to+rest] = s
			delete(m.sessions, a)
		}
	}
	for a, k := range m.identities {
		if rest, ok := strings.CutPrefix(a, from); ok {
			m.identities[to+rest] = k
			delete(m.identities, a)
		}
	}
	return nil
}

func (m *memory) gen() *keys.PreKey {
	m.lastKey++
	k := keys.NewPreKey(m.lastKey)
	m.preKeys[k.KeyID] = k
	return k
}

func (m *memory) GetOrGenPreKeys(_ context.Context, count uint32) ([]*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*keys.PreKey
	for id, k := range m.preKeys {
		if id > m.uploaded && uint32(len(out)) < count {
			out = append(out, k)
		}
	}
	for uint32(len(out)) < count {
		out = append(out, m.gen())
	}
	slices.SortFunc(out, func(a, b *keys.PreKey) int { return int(a.KeyID) - int(b.KeyID) })
	return out, nil
}

func (m *memory) GenOnePreKey(context.Context) (*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gen(), nil
}

func (m *memory) GetPreKey(_ context.Context, id uint32) (*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.preKeys[id], nil
}

func (m *memory) RemovePreKey(_ context.Context, id uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.preKeys, id)
	return nil
}

func (m *memory) MarkPreKeysAsUploaded(_ context.Context, upTo uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uploaded = max(m.uploaded, upTo)
	return nil
}

func (m *memory) UploadedPreKeyCount(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id := range m.preKeys {
		if id <= m.uploaded {
			n++
		}
	}
	return n, nil
}

func (m *memory) PutSenderKey(_ context.Context, group, user string, s []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.senderKeys[group+"|"+user] = s
	return nil
}

func (m *memory) GetSenderKey(_ context.Context, group, user string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.senderKeys[group+"|"+user], nil
}
