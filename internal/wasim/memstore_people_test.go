package wasim_test

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func (m *memory) contact(j types.JID, change func(*types.ContactInfo)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.contacts[j]
	c.Found = true
	change(&c)
	m.contacts[j] = c
}

func (m *memory) PutPushName(_ context.Context, j types.JID, name string) (changed bool, before string, err error) {
	m.contact(j, func(c *types.ContactInfo) { changed, before, c.PushName = c.PushName != name, c.PushName, name })
	return changed, before, nil
}

func (m *memory) PutBusinessName(_ context.Context, j types.JID, name string) (changed bool, before string, err error) {
	m.contact(j, func(c *types.ContactInfo) {
		changed, before, c.BusinessName = c.BusinessName != name, c.BusinessName, name
	})
	return changed, before, nil
}

func (m *memory) PutContactName(_ context.Context, j types.JID, full, first string) error {
	m.contact(j, func(c *types.ContactInfo) { c.FullName, c.FirstName = full, first })
	return nil
}

func (m *memory) PutAllContactNames(ctx context.Context, all []store.ContactEntry) error {
	for _, e := range all {
		if err := m.PutContactName(ctx, e.JID, e.FullName, e.FirstName); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) PutManyRedactedPhones(context.Context, []store.RedactedPhoneEntry) error { return nil }

func (m *memory) GetContact(_ context.Context, j types.JID) (types.ContactInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.contacts[j], nil
}

func (m *memory) GetAllContacts(context.Context) (map[types.JID]types.ContactInfo, error) {
	return map[types.JID]types.ContactInfo{}, nil
}

func (m *memory) PutMutedUntil(context.Context, types.JID, time.Time) error { return nil }
func (m *memory) PutPinned(context.Context, types.JID, bool) error          { return nil }
func (m *memory) PutArchived(context.Context, types.JID, bool) error        { return nil }

func (m *memory) GetChatSettings(context.Context, types.JID) (types.LocalChatSettings, error) {
	return types.LocalChatSettings{}, nil
}

func (m *memory) PutMessageSecrets(ctx context.Context, all []store.MessageSecretInsert) error {
	for _, x := range all {
		if err := m.PutMessageSecret(ctx, x.Chat, x.Sender, x.ID, x.Secret); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) PutMessageSecret(_ context.Context, chat, sender types.JID, id types.MessageID, secret []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secrets[chat.String()+sender.String()+id] = secret
	return nil
}

func (m *memory) GetMessageSecret(_ context.Context, chat, sender types.JID, id types.MessageID) ([]byte, types.JID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.secrets[chat.String()+sender.String()+id], sender, nil
}

func (m *memory) PutPrivacyTokens(_ context.Context, list ...store.PrivacyToken) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range list {
		m.tokens[x.User] = x
	}
	return nil
}

func (m *memory) GetPrivacyToken(_ context.Context, j types.JID) (*store.PrivacyToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x, ok := m.tokens[j]; ok {
		return &x, nil
	}
	return nil, nil
}

func (m *memory) DeleteExpiredPrivacyTokens(context.Context, time.Time) (int64, error) { return 0, nil }

func (m *memory) PutNCTSalt(_ context.Context, salt []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.salt = salt
	return nil
}

func (m *memory) GetNCTSalt(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.salt, nil
}

func (m *memory) DeleteNCTSalt(context.Context) error { return m.PutNCTSalt(context.Background(), nil) }

func (m *memory) PutManyLIDMappings(ctx context.Context, all []store.LIDMapping) error {
	for _, x := range all {
		if err := m.PutLIDMapping(ctx, x.LID, x.PN); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) PutLIDMapping(_ context.Context, lid, pn types.JID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pns[lid.User], m.lids[pn.User] = pn.User, lid.User
	return nil
}

// GetPNForLID keeps the device number, as the engine's own store does.
func (m *memory) GetPNForLID(_ context.Context, lid types.JID) (types.JID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if user := m.pns[lid.User]; user != "" {
		return types.JID{User: user, Device: lid.Device, Server: types.DefaultUserServer}, nil
	}
	return types.EmptyJID, nil
}

func (m *memory) GetLIDForPN(_ context.Context, pn types.JID) (types.JID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if user := m.lids[pn.User]; user != "" {
		return types.JID{User: user, Device: pn.Device, Server: types.HiddenUserServer}, nil
	}
	return types.EmptyJID, nil
}

func (m *memory) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	out := map[types.JID]types.JID{}
	for _, pn := range pns {
		if lid, _ := m.GetLIDForPN(ctx, pn); !lid.IsEmpty() {
			out[pn] = lid
		}
	}
	return out, nil
}
