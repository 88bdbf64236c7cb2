package webtest

import (
	"context"
	"strings"
	"sync"

	"pombal/internal/event"
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

// CheckURL takes http and https, but for the closed host.
func (f *Webhooks) CheckURL(_ context.Context, raw string) error {
	if f.Closed != "" && strings.Contains(raw, f.Closed) {
		return problem.InvalidField("url", "error.url_refused_private", "address", f.Closed)
	}
	return checkWebhook("x", raw)
}
