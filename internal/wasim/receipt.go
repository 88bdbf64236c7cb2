package wasim

import (
	"context"
	"maps"
	"strconv"
	"strings"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// handleReceipt takes a receipt of a client. A delivery receipt answers the
// message; a retry receipt asks for another copy; receipts of both kinds and
// those for reading go on to whoever wrote the message.
func (s *Server) handleReceipt(c *conn, n *waBinary.Node) {
	kind, id := stringAttr(n, "type"), stringAttr(n, "id")
	to, _ := n.Attrs["to"].(types.JID)
	ack := waBinary.Node{Tag: "ack", Attrs: waBinary.Attrs{"class": "receipt", "id": id, "type": kind, "from": to}}
	var group types.JID
	if to.Server == types.GroupServer {
		group = to
		to, _ = n.Attrs["participant"].(types.JID)
		ack.Attrs["participant"] = to
	}
	s.mu.Lock()
	d := c.device
	if d == nil {
		s.mu.Unlock()
		return
	}
	ids := append([]string{id}, listed(n)...)
	switch kind {
	case "", "inactive", "sender", "peer_msg", "hist_sync":
		for _, id := range ids {
			s.answered(d, "message", id, false)
		}
	}
	author := s.account(to)
	s.mu.Unlock()
	c.send(ack)
	switch {
	case author == nil:
	case kind == "server-error":
		if author == d.phone {
			author.mediaAgain(d, n)
		}
	case kind == "retry" && to.Device == 0:
		author.resend(c.ctx, d, n)
	case kind == "retry":
		s.forwardRetry(d, to, group, n)
	case author != d.phone:
		s.mu.Lock()
		for _, id := range ids {
			author.receipts = append(author.receipts, Receipt{ID: id, From: d.pn(), Type: kind})
		}
		companions := author.companions()
		s.announce()
		s.mu.Unlock()
		for _, companion := range companions {
			s.receiptTo(companion, receiptParams{from: d.phone, device: d.id, group: group, kind: kind, ids: ids})
		}
	}
}

// listed returns the further ids of a receipt for several messages.
func listed(n *waBinary.Node) []string {
	list := n.GetChildByTag("list")
	var out []string
	for _, item := range list.GetChildrenByTag("item") {
		out = append(out, stringAttr(&item, "id"))
	}
	return out
}

// companions lists the linked devices. s.mu must be held.
func (p *Phone) companions() []*device {
	var out []*device
	for _, id := range p.deviceIDs()[1:] {
		out = append(out, p.devices[id])
	}
	return out
}

// resend answers a retry receipt of a companion for a message of this phone:
// the session begins anew with fresh keys and the message goes out again.
func (p *Phone) resend(ctx context.Context, d *device, n *waBinary.Node) {
	retry := n.GetChildByTag("retry")
	id := stringAttr(&retry, "id")
	count, err := strconv.Atoi(stringAttr(&retry, "count"))
	if err != nil {
		return
	}
	var fresh bundle
	if sent, ok := n.GetOptionalChildByTag("keys"); ok {
		if stock, ok := readStock(&sent); ok {
			s := p.s
			s.mu.Lock()
			stock.registration = d.keys.registration
			s.mu.Unlock()
			fresh = stock.take()
		}
	}
	if fresh.identity == [32]byte{} {
		var ok bool
		if fresh, ok = p.s.takeBundle(d.lid()); !ok {
			return
		}
	}
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	if err := p.deliver(ctx, d, id, count, &fresh); err != nil {
		p.s.log.Warn("send again", "phone", p.number, "id", id, "error", err)
	}
}

// forwardRetry passes a retry receipt on to the companion that wrote the message.
func (s *Server) forwardRetry(d *device, to, group types.JID, n *waBinary.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	target := s.device(to)
	if target == nil {
		return
	}
	id := stringAttr(n, "id")
	attrs := waBinary.Attrs{"id": id, "from": d.lid(), "type": "retry", "t": now()}
	recipient, own := n.Attrs["recipient"]
	switch {
	case !group.IsEmpty():
		attrs["from"], attrs["participant"], attrs["participant_pn"] = group, d.lid(), d.pn()
		attrs["addressing_mode"] = "lid"
	case own:
		attrs["recipient"] = recipient
	default:
		attrs["sender_pn"] = d.pn()
	}
	s.enqueue(target, &stanza{class: "receipt", id: id, node: waBinary.Node{Tag: "receipt", Attrs: attrs, Content: n.GetChildren()}})
}

// maxRetries is how often a device asks again for one message (retry.go).
const maxRetries = 4

// askAgain makes the phone ask a companion for another copy of a message that it
// could not decrypt, with fresh keys for a new session. The message belongs to
// the chat with an account or to a group.
func (p *Phone) askAgain(d *device, chat *Phone, group *Group, id string) {
	user := p.ownBundle().node(p.lid)
	keys := user.GetChildren()
	attrs := waBinary.Attrs{"id": id, "from": p.lid, "type": "retry", "t": now()}
	switch {
	case group != nil:
		attrs["from"], attrs["participant"], attrs["participant_pn"] = group.jid, p.lid, p.pn
		attrs["addressing_mode"] = "lid"
	case p == d.phone:
		attrs["recipient"] = chat.lid
	default:
		attrs["sender_pn"] = p.pn
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.retries[id]++; p.retries[id] > maxRetries {
		return
	}
	p.s.enqueue(d, &stanza{class: "receipt", id: id, node: waBinary.Node{Tag: "receipt", Attrs: attrs, Content: []waBinary.Node{
		{Tag: "retry", Attrs: waBinary.Attrs{"count": strconv.Itoa(p.retries[id]), "id": id, "t": now(), "v": "1"}},
		keys[0], // registration
		{Tag: "keys", Content: keys[1:]},
	}}})
}

// ForgetSessions makes the phone lose its Signal sessions, as a phone does whose
// data was restored: it can decrypt nothing until the others begin anew, for
// which it asks them.
func (p *Phone) ForgetSessions() {
	p.sigMu.Lock()
	defer p.sigMu.Unlock()
	clear(p.vault.sessions)
	own := p.lid.SignalAddress().String()
	maps.DeleteFunc(p.vault.senderKeys, func(name string, _ []byte) bool { return !strings.HasSuffix(name, " "+own) })
}
