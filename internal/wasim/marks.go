package wasim

import (
	"context"
	"errors"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// Kinds of receipts that a phone sends.
const (
	MarkDelivered = ""
	MarkRead      = "read"
	MarkPlayed    = "played"
)

// ErrMixedMessages says that the messages of one receipt come from different
// senders or chats.
var ErrMixedMessages = errors.New("the messages belong to different senders or chats")

// HoldReceipts makes the phone keep its delivery receipts for itself, as a phone
// without a network does; they can be sent with [Phone.Mark].
func (p *Phone) HoldReceipts(on bool) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.holds = on
}

// Read makes the phone read a message it has received: the sender's companions
// get a read receipt. It returns [ErrUnknownMessage] when the phone has no
// message with that id.
func (p *Phone) Read(ctx context.Context, id string) error { return p.Mark(ctx, MarkRead, id) }

// Mark sends one receipt of a kind ([MarkDelivered], [MarkRead], [MarkPlayed] or
// any other) for messages that the phone has received from one sender in one
// chat. It returns [ErrUnknownMessage] or [ErrMixedMessages].
func (p *Phone) Mark(_ context.Context, kind string, ids ...string) error {
	p.s.mu.Lock()
	var author *Phone
	var group types.JID
	for _, id := range ids {
		in := p.received(id)
		if in == nil {
			p.s.mu.Unlock()
			return ErrUnknownMessage
		}
		from := p.s.account(in.From)
		if author != nil && (from != author || in.Group != group) {
			p.s.mu.Unlock()
			return ErrMixedMessages
		}
		author, group = from, in.Group
	}
	if author == nil {
		p.s.mu.Unlock()
		return ErrUnknownMessage
	}
	for _, id := range ids {
		author.receipts = append(author.receipts, Receipt{ID: id, From: p.pn, Type: kind})
	}
	companions := author.companions()
	p.s.announce()
	p.s.mu.Unlock()
	for _, d := range companions {
		p.s.receiptTo(d, receiptParams{from: p, group: group, kind: kind, ids: ids})
	}
	return nil
}

// received finds a message in the inbox. s.mu must be held.
func (p *Phone) received(id string) *Received {
	for i := range p.inbox {
		if p.inbox[i].ID == id {
			return &p.inbox[i]
		}
	}
	return nil
}

// ReadSelf tells this account's own companions that messages of another account
// have been read on the phone. The ids need not be known to the phone.
func (p *Phone) ReadSelf(_ context.Context, chat *Phone, ids ...string) error {
	if len(ids) == 0 {
		return ErrUnknownMessage
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, d := range p.companions() {
		node := receiptNode(ids, "read-self")
		node.Attrs["from"], node.Attrs["recipient"] = p.pn, chat.lid
		p.s.enqueue(d, &stanza{class: "receipt", id: ids[0], node: node})
	}
	return nil
}

// receiptParams describes a receipt for a companion.
type receiptParams struct {
	from   *Phone
	device uint16    // of from
	group  types.JID // empty in chats of two
	kind   string
	ids    []string
}

// receiptTo queues a receipt for a companion.
func (s *Server) receiptTo(d *device, r receiptParams) {
	lid, pn := r.from.lid, r.from.pn
	lid.Device, pn.Device = r.device, r.device
	node := receiptNode(r.ids, r.kind)
	if r.group.IsEmpty() {
		node.Attrs["from"], node.Attrs["sender_pn"] = lid, pn
	} else {
		node.Attrs["from"], node.Attrs["participant"], node.Attrs["participant_pn"] = r.group, lid, pn
		node.Attrs["addressing_mode"] = "lid"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enqueue(d, &stanza{class: "receipt", id: r.ids[0], node: node})
}

// receiptNode makes a receipt for one or several messages.
func receiptNode(ids []string, kind string) waBinary.Node {
	node := waBinary.Node{Tag: "receipt", Attrs: waBinary.Attrs{"id": ids[0], "type": kind, "t": now()}}
	if len(ids) > 1 {
		var items []waBinary.Node
		for _, id := range ids[1:] {
			items = append(items, waBinary.Node{Tag: "item", Attrs: waBinary.Attrs{"id": id}})
		}
		node.Content = []waBinary.Node{{Tag: "list", Content: items}}
	}
	return node
}
