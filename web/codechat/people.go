package codechat

import (
	"fmt"
	"slices"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// maxRead is how many messages are marked as read in one call.
const maxRead = 100

// numberJSON says whether a number has a WhatsApp account.
type numberJSON struct {
	JID    string `json:"jid"`
	Exists bool   `json:"exists"`
	LID    string `json:"lid,omitempty"`  // version 1.3 has it
	Name   string `json:"name,omitempty"` // the same
}

// validateNumbers is POST /instance/:instanceId/chat/validate-numbers. It
// answers 200, in the order of the numbers.
func (c *call) validateNumbers() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	numbers := b.texts("numbers", instance.MaxNumbers)
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	found, err := c.door.Instances.Numbers(c.ctx(), c.in.ID, numbers)
	if err != nil {
		return err
	}
	list := make([]numberJSON, len(found))
	for i, n := range found {
		list[i] = numberJSON{JID: n.JID, Exists: n.Exists, LID: n.LID, Name: n.Name}
	}
	return c.JSON(list)
}

// readJSON is version 1.3's answer to marking as read.
type readJSON struct {
	Message string `json:"message"`
	Read    string `json:"read"`
}

// markAsRead is PATCH /instance/:instanceId/chat/mark-as-read.
func (c *call) markAsRead() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	ids := b.texts("messageIds", maxRead)
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	reads, err := c.readsOf(ids)
	if err != nil {
		return err
	}
	if err := c.door.Instances.MarkRead(c.ctx(), c.in.ID, reads); err != nil {
		return renamed(err, "message", "messageIds")
	}
	return c.JSON(readJSON{Message: "Read messages", Read: "success"})
}

// readsOf finds messages by our ids of them or WhatsApp's, by chat and author.
// Those of the account itself have nobody to tell.
func (c *call) readsOf(ids []string) ([]instance.Read, error) {
	found, _, err := c.door.History.Messages(c.ctx(), c.in.ID, func(m event.MessageData) bool {
		return slices.Contains(ids, m.MessageID) || slices.Contains(ids, m.KeyID)
	}, 0, 2*maxRead)
	if err != nil {
		return nil, err
	}
	var faults []string
	var reads []instance.Read
	type writer struct{ chat, author string }
	places := make(map[writer]int)
	for i, id := range ids {
		at := slices.IndexFunc(found, func(m event.MessageData) bool { return m.MessageID == id || m.KeyID == id })
		if at < 0 {
			faults = append(faults, fmt.Sprintf("messageIds.%d is not a message that is kept here", i))
			continue
		}
		m := found[at]
		if m.KeyFromMe {
			continue
		}
		whose := writer{chat: m.KeyRemoteJID, author: authorOf(m)}
		place, ok := places[whose]
		if !ok {
			place = len(reads)
			places[whose] = place
			reads = append(reads, instance.Read{Chat: whose.chat, Author: whose.author})
		}
		if !slices.Contains(reads[place].KeyIDs, m.KeyID) {
			reads[place].KeyIDs = append(reads[place].KeyIDs, m.KeyID)
		}
	}
	if len(faults) > 0 {
		return nil, bad(faults...)
	}
	return reads, nil
}
