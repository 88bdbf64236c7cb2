package wasim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// SendText sends a text from this phone to another account: to its phone, to
// each of its companions and, as a copy, to this account's own companions, each
// with its own encryption (pkmsg until the other side has answered, then msg).
// Companions that are away get it when they are back. It returns the message id.
func (p *Phone) SendText(ctx context.Context, to *Phone, text string) (id string, err error) {
	return p.Send(ctx, to, &waE2E.Message{Conversation: proto.String(text)})
}

// Send sends any message like [Phone.SendText].
func (p *Phone) Send(ctx context.Context, to *Phone, msg *waE2E.Message) (id string, err error) {
	if to == nil || to.s != p.s {
		return "", errors.New("the recipient is not on this server")
	}
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	id = newMessageID()
	p.sent[id] = sentMessage{to: to, msg: msg}
	p.s.mu.Lock()
	p.s.track(id) // known even when no companion is concerned
	p.meets(to)
	var targets []*device
	if to != p {
		for _, id := range to.deviceIDs()[1:] {
			targets = append(targets, to.devices[id])
		}
	}
	for _, id := range p.deviceIDs()[1:] {
		targets = append(targets, p.devices[id])
	}
	p.s.mu.Unlock()
	if to != p {
		enc, err := p.encrypt(ctx, to.lid, nil, msg)
		if err != nil {
			return id, err
		}
		to.receive(ctx, p.pn, p.lid, id, p.pn, enc)
	}
	for _, d := range targets {
		if err := p.deliver(ctx, d, id, 0, nil); err != nil {
			return id, err
		}
	}
	return id, nil
}

// deliver encrypts a remembered message for one companion and queues it. retry is
// the number of the attempt when the companion has asked again. sendMu must be held.
func (p *Phone) deliver(ctx context.Context, d *device, id string, retry int, fresh *bundle) error {
	sent, ok := p.sent[id]
	if !ok {
		return ErrUnknownMessage
	}
	if sent.group != nil {
		return p.deliverGroup(ctx, d, sent, id, retry, fresh)
	}
	msg := sent.msg
	if d.phone == p {
		msg = deviceSent(sent.to.lid, msg)
	}
	enc, err := p.encrypt(ctx, d.lid(), fresh, msg)
	if err != nil {
		return err
	}
	if retry > 0 {
		enc.Attrs["count"] = strconv.Itoa(retry)
	}
	if media := mediaKind(sent.msg); media != "" {
		enc.Attrs["mediatype"] = media
	}
	st := &stanza{class: "message", id: id, node: p.s.messageNode(messageParams{
		id: id, from: p, to: sent.to, own: d.phone == p, kind: stanzaKind(sent.msg), children: []waBinary.Node{enc},
	})}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if retry > 0 {
		p.s.withdraw(d, id)
		st.skipAcks = 1
	}
	p.s.enqueue(d, st)
	return nil
}

func deviceSent(to types.JID, msg *waE2E.Message) *waE2E.Message {
	return &waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{DestinationJID: proto.String(to.String()), Message: msg}}
}

// messageParams describes a message stanza from the server to a companion.
type messageParams struct {
	id       string
	from     *Phone // account of the sender
	device   uint16 // device of the sender
	to       *Phone // account of the recipient
	own      bool   // it is a copy for another device of the sender's account
	kind     string // text, media, …
	children []waBinary.Node
}

// messageNode builds the stanza. Without sender_lid the client warns and files
// the session under the number, to migrate it later. A copy names the chat by
// its LID, as the client itself addresses it.
func (s *Server) messageNode(m messageParams) waBinary.Node {
	pn, lid := m.from.pn, m.from.lid
	pn.Device, lid.Device = m.device, m.device
	attrs := waBinary.Attrs{"id": m.id, "type": m.kind, "t": now(), "notify": m.from.Name(), "from": pn}
	switch {
	case m.own:
		attrs["recipient"], attrs["peer_recipient_pn"] = m.to.lid, m.to.pn
	case s.cfg.AddressByLID:
		attrs["from"], attrs["sender_pn"], attrs["addressing_mode"] = lid, pn, "lid"
	default:
		attrs["sender_lid"] = lid
	}
	return waBinary.Node{Tag: "message", Attrs: attrs, Content: m.children}
}

// receive decrypts a message for the phone itself. from is the number and device
// of the sender, fromLID its LID, chat the account the message belongs to.
func (p *Phone) receive(ctx context.Context, from, fromLID types.JID, id string, chat types.JID, enc waBinary.Node) bool {
	msg, err := p.decrypt(ctx, fromLID, enc)
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	defer p.s.announce()
	if err != nil {
		p.failures++
		p.s.log.Warn("phone cannot decrypt", "phone", p.number, "from", from, "id", id, "error", err)
		return false
	}
	in := Received{ID: id, From: from, To: p.pn, Time: time.Now()}
	if dsm := msg.GetDeviceSentMessage(); dsm != nil {
		in.To, msg = chat, dsm.GetMessage()
		in.Text, in.Kind = textOf(msg)
		p.keep(id, msg)
		p.copies = append(p.copies, in)
		return true
	}
	in.Text, in.Kind = textOf(msg)
	p.keep(id, msg)
	p.inbox = append(p.inbox, in)
	return true
}

func textOf(msg *waE2E.Message) (text, kind string) {
	if msg.Conversation != nil {
		return msg.GetConversation(), "text"
	}
	if msg.ExtendedTextMessage != nil {
		return msg.GetExtendedTextMessage().GetText(), "text"
	}
	kind = "empty"
	msg.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		kind = string(field.Name())
		return kind == "messageContextInfo" // goes with any kind
	})
	return "", kind
}

// handleMessage routes a message of a client to every device it is encrypted
// for, then acknowledges it.
func (s *Server) handleMessage(c *conn, n *waBinary.Node) {
	s.mu.Lock()
	d, f := c.device, s.faults
	to, _ := n.Attrs["to"].(types.JID)
	var chat *Phone
	group := s.groups[to.User]
	if d != nil {
		chat = s.account(to)
	}
	if d != nil && f.SilentSend {
		s.swallowed++
		s.announce()
	}
	s.mu.Unlock()
	if d == nil || f.SilentSend {
		return
	}
	ack := waBinary.Node{Tag: "ack", Attrs: waBinary.Attrs{"class": "message", "id": n.Attrs["id"], "from": to, "t": now()}}
	switch {
	case f.SendError != 0:
		ack.Attrs["error"] = strconv.Itoa(f.SendError)
	case to.Server == types.GroupServer:
		if code := s.groupVerdict(d, group); code != 0 {
			ack.Attrs["error"] = strconv.Itoa(code)
			break
		}
		s.routeGroup(c.ctx, d, group, n)
		ack.Attrs["phash"] = s.groupHash(group)
	case chat == nil:
		ack.Attrs["error"] = "404"
	case s.refused(d, chat, n):
		ack.Attrs["error"] = strconv.Itoa(errNewChat)
	default:
		s.route(c.ctx, d, chat, to, n)
		if _, fanout := n.GetOptionalChildByTag("participants"); fanout {
			ack.Attrs["phash"] = s.deviceHash(chat, d.phone)
		}
	}
	c.send(ack)
}

// refused says whether a time lock refuses the message; otherwise the two have a
// chat from now on.
func (s *Server) refused(d *device, chat *Phone, n *waBinary.Node) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.phone.locked(chat, n) {
		return true
	}
	d.phone.meets(chat)
	return false
}

// delivered tells a sender that its message has arrived at this phone.
func (p *Phone) delivered(d *device, group types.JID, id string) {
	p.s.mu.Lock()
	holds := p.holds
	p.s.mu.Unlock()
	if !holds {
		p.s.receiptTo(d, receiptParams{from: p, group: group, ids: []string{id}})
	}
}

func (s *Server) route(ctx context.Context, d *device, chat *Phone, to types.JID, n *waBinary.Node) {
	id := stringAttr(n, "id")
	s.mu.Lock()
	s.track(id)
	s.mu.Unlock()
	list, fanout := n.GetOptionalChildByTag("participants")
	if !fanout {
		enc, ok := n.GetOptionalChildByTag("enc")
		if !ok {
			return
		}
		if stringAttr(n, "category") == "peer" {
			d.phone.peerMessage(ctx, d, id, enc)
			return
		}
		// A copy for a sister that has asked again names its chat separately.
		if other, ok := n.Attrs["recipient"].(types.JID); ok {
			s.mu.Lock()
			if p := s.account(other); p != nil {
				chat = p
			}
			s.mu.Unlock()
		}
		s.routeOne(ctx, d, chat, to, n, enc)
		return
	}
	for _, target := range list.GetChildrenByTag("to") {
		jid, _ := target.Attrs["jid"].(types.JID)
		if enc, ok := target.GetOptionalChildByTag("enc"); ok {
			s.routeOne(ctx, d, chat, jid, n, enc)
		}
	}
}

// routeOne hands one encrypted copy to its device.
func (s *Server) routeOne(ctx context.Context, d *device, chat *Phone, jid types.JID, n *waBinary.Node, enc waBinary.Node) {
	id := stringAttr(n, "id")
	s.mu.Lock()
	p := s.account(jid)
	s.mu.Unlock()
	if p == nil {
		return
	}
	if jid.Device == 0 {
		ok := p.receive(ctx, d.pn(), d.lid(), id, chat.pn, enc)
		switch {
		case !ok:
			p.askAgain(d, chat, nil, id)
		case p != d.phone:
			p.delivered(d, types.EmptyJID, id)
		}
		return
	}
	children := []waBinary.Node{enc}
	if ident, ok := n.GetOptionalChildByTag("device-identity"); ok {
		children = append(children, ident)
	}
	node := s.messageNode(messageParams{
		id: id, from: d.phone, device: d.id, to: chat, own: p == d.phone, kind: stringAttr(n, "type"), children: children,
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if target := s.device(jid); target != nil {
		s.enqueue(target, &stanza{class: "message", id: id, node: node})
	}
}

// sendPeer sends a protocol message from the phone to its own companion.
func (p *Phone) sendPeer(ctx context.Context, d *device, msg *waE2E.ProtocolMessage) error {
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	enc, err := p.encrypt(ctx, d.lid(), nil, &waE2E.Message{ProtocolMessage: msg})
	if err != nil {
		return fmt.Errorf("peer message: %w", err)
	}
	id := newMessageID()
	st := &stanza{class: "message", id: id, node: waBinary.Node{Tag: "message", Attrs: waBinary.Attrs{
		"id": id, "from": p.pn, "type": "text", "category": "peer", "t": now(),
	}, Content: []waBinary.Node{enc}}}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.enqueue(d, st)
	return nil
}
