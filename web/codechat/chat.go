package codechat

import (
	"context"
	"encoding/json"
	"slices"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// History is what the door needs of what is kept of chats; store.DB is the
// real one.
type History interface {
	// Chats lists the chats of the account that is linked, newest first.
	Chats(ctx context.Context, instanceID string) ([]event.ChatData, error)
	// Contacts lists the people that the account knows, newest first.
	Contacts(ctx context.Context, instanceID string) ([]event.ContactData, error)
	// Messages gives a part of the kept messages that are wanted, newest first,
	// and how many those are in all.
	Messages(ctx context.Context, instanceID string, wanted func(event.MessageData) bool, from, most int) ([]event.MessageData, int, error)
}

// chatInstanceJSON is the instance as the pages of chats show it.
type chatInstanceJSON struct {
	InstanceID string              `json:"instanceId"`
	Name       string              `json:"name"`
	State      string              `json:"state"`
	Connection string              `json:"connection"`
	CreatedAt  event.WireTime      `json:"createdAt"`
	DeletedAt  *event.WireTime     `json:"deletedAt"`
	WhatsApp   *event.WireWhatsApp `json:"WhatsApp"`
	Business   event.WireBusiness  `json:"Business"`
}

func newChatInstance(in instance.Instance, b instance.Business) chatInstanceJSON {
	w := in.Wire(b)
	return chatInstanceJSON{
		InstanceID: w.InstanceID, Name: w.Name, State: w.State, Connection: w.Connection, CreatedAt: w.CreatedAt,
		DeletedAt: timeOrNull(in.DeletedAt), WhatsApp: w.WhatsApp, Business: w.Business,
	}
}

type chatsJSON struct {
	chatInstanceJSON
	ChatsPage pageJSON[event.ChatData] `json:"ChatsPage"`
}

type contactsJSON struct {
	chatInstanceJSON
	ContactsPage pageJSON[event.ContactData] `json:"ContactsPage"`
}

type messagesJSON struct {
	chatInstanceJSON
	MessagesPage pageJSON[event.MessageData] `json:"MessagesPage"`
}

// searchChats is GET /instance/:instanceId/chat/search/chats?page=1&sort=desc.
func (c *call) searchChats() error {
	in, page, err := searchAll(c, c.door.History.Chats)
	if err != nil {
		return err
	}
	return c.JSON(chatsJSON{in, page})
}

// searchContacts is GET /instance/:instanceId/chat/search/contacts?page=1&sort=desc.
func (c *call) searchContacts() error {
	in, page, err := searchAll(c, c.door.History.Contacts)
	if err != nil {
		return err
	}
	return c.JSON(contactsJSON{in, page})
}

// searchAll gives the page that was asked for of a list that is kept whole.
// list gives it newest first.
func searchAll[T any](c *call, list func(ctx context.Context, id string) ([]T, error)) (in chatInstanceJSON, page pageJSON[T], err error) {
	number, ascending, err := readPage(c.Ctx)
	if err != nil {
		return in, page, err
	}
	all, err := list(c.ctx(), c.in.ID)
	if err != nil {
		return in, page, err
	}
	if ascending {
		slices.Reverse(all)
	}
	b, err := c.businessOf(c.in)
	if err != nil {
		return in, page, err
	}
	return newChatInstance(c.in, b), pageOf(all, number), nil
}

// searchMessages is POST /instance/:instanceId/chat/search/messages?page=1&sort=desc
// with {keyRemoteJid?, keyFromMe?}. It answers 200, as the other search does.
func (c *call) searchMessages() error {
	page, ascending, err := readPage(c.Ctx)
	if err != nil {
		return err
	}
	wanted, err := c.readMessageSearch()
	if err != nil {
		return err
	}
	records, total, err := c.messagePage(wanted, page, pageSize, ascending)
	if err != nil {
		return err
	}
	b, err := c.businessOf(c.in)
	if err != nil {
		return err
	}
	return c.JSON(messagesJSON{newChatInstance(c.in, b), pageJSON[event.MessageData]{
		TotalRecords: total, TotalPages: (total + pageSize - 1) / pageSize, CurrentPage: page, Records: records,
	}})
}

func (c *call) readMessageSearch() (func(event.MessageData) bool, error) {
	b, err := readBody(c.Ctx)
	if err != nil {
		return nil, err
	}
	chat, mine := b.text("keyRemoteJid", maxID), b.flag("keyFromMe")
	id, key := b.text("messageId", maxID), b.text("keyId", maxID)
	b.only()
	return func(m event.MessageData) bool {
		return (chat == nil || m.KeyRemoteJID == *chat || m.KeyRemoteLID == *chat) && (mine == nil || m.KeyFromMe == *mine) &&
			(id == nil || m.MessageID == *id) && (key == nil || m.KeyID == *key)
	}, b.err()
}

// messagePage gives a page of the kept messages.
func (c *call) messagePage(wanted func(event.MessageData) bool, page, size int, ascending bool) ([]event.MessageData, int, error) {
	from := (page - 1) * size
	if ascending {
		// The oldest come first: count, then take the page from the other end.
		_, total, err := c.door.History.Messages(c.ctx(), c.in.ID, wanted, 0, 0)
		if err != nil {
			return nil, 0, err
		}
		last := total - from
		from = max(last-size, 0)
		size = max(min(last, size), 0)
	}
	records, total, err := c.door.History.Messages(c.ctx(), c.in.ID, wanted, from, size)
	if ascending {
		slices.Reverse(records)
	}
	if records == nil {
		records = []event.MessageData{}
	}
	return records, total, err
}

// plainText is the text of a message's content, "" when it has none.
func plainText(content json.RawMessage) string {
	var c struct {
		Text    string `json:"text"`
		Caption string `json:"caption"`
	}
	if json.Unmarshal(content, &c) != nil {
		return ""
	}
	if c.Text == "" {
		return c.Caption
	}
	return c.Text
}
