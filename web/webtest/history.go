package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/webhook"
)

// History is a codechat.History in memory, newest first.
type History struct {
	mu       sync.Mutex
	chats    []event.ChatData
	contacts []event.ContactData
	messages []event.MessageData
}

// PutChat adds a chat with its contact, as the newest.
func (h *History) PutChat(chat event.ChatData, contact event.ContactData) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.chats = append([]event.ChatData{chat}, h.chats...)
	h.contacts = append([]event.ContactData{contact}, h.contacts...)
}

// PutMessage adds a message, as the newest.
func (h *History) PutMessage(m event.MessageData) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages = append([]event.MessageData{m}, h.messages...)
}

// Chats lists the chats.
func (h *History) Chats(context.Context, string) ([]event.ChatData, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]event.ChatData(nil), h.chats...), nil
}

// Contacts lists the contacts.
func (h *History) Contacts(context.Context, string) ([]event.ContactData, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]event.ContactData(nil), h.contacts...), nil
}

// Messages gives a part of the messages.
func (h *History) Messages(
	_ context.Context, _ string, wanted func(event.MessageData) bool, from, most int,
) ([]event.MessageData, int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []event.MessageData
	for _, m := range h.messages {
		if wanted(m) {
			found = append(found, m)
		}
	}
	first := min(from, len(found))
	return found[first:min(first+most, len(found))], len(found), nil
}

// ListAll gives all webhooks by instance.
func (f *Webhooks) ListAll(context.Context) (map[string][]webhook.Webhook, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Err != nil {
		return nil, f.Err
	}
	lists := make(map[string][]webhook.Webhook)
	for _, h := range f.items {
		lists[h.InstanceID] = append(lists[h.InstanceID], h)
	}
	return lists, nil
}

// CheckURL takes http and https.
func (f *Webhooks) CheckURL(_ context.Context, raw string) error {
	return checkWebhook("x", raw)
}

// SendText says that WhatsApp has taken the message.
func (f *Instances) SendText(_ context.Context, id string, p instance.SendTextParams) (instance.Sent, error) {
	var sent instance.Sent
	_, err := f.change("send", id, func(in *instance.Instance) error {
		if !in.Status.Phase.Online() {
			return instance.ErrNotConnected
		}
		if p.Text == "" {
			return problem.InvalidField("text", "error.required")
		}
		content, err := json.Marshal(map[string]string{"text": p.Text})
		if err != nil {
			return err
		}
		f.next++
		at := time.Date(2026, 3, 2, 11, 16, 40, 310e6, time.UTC)
		key := p.ID
		if key == "" {
			key = fmt.Sprintf("3EB0A9C4D2E1F0B7A6C5%02d", f.next)
		}
		data := event.SentData{
			MessageData: event.MessageData{
				MessageID: fmt.Sprintf("m%d", f.next), KeyID: key, KeyFromMe: true, KeyRemoteJID: p.To + "@s.whatsapp.net",
				PushName: "Shop Front", ContentType: "extendedTextMessage", Content: content, Source: "api",
				MessageTimestamp: at.Unix(), CreatedAt: event.WireTime(at),
			},
			InstanceInstanceID: id, ExternalAttributes: p.ExternalAttributes,
		}
		sent = instance.Sent{MessageID: data.MessageID, KeyID: data.KeyID, Timestamp: at, Data: data}
		return nil
	})
	return sent, err
}
