package wasim

import (
	"context"
	"errors"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// SendGarbled sends a text like [Phone.SendText], but what the companions of the
// other account get cannot be decrypted. They ask again and get it then.
func (p *Phone) SendGarbled(ctx context.Context, to *Phone, text string) (id string, err error) {
	return p.sendBroken(ctx, to, text, func(id string, d *device) (waBinary.Node, error) {
		enc, err := p.encrypt(ctx, d.lid(), nil, &waE2E.Message{Conversation: &text})
		if err != nil {
			return enc, err
		}
		raw := bytesOf(enc)
		raw[len(raw)-20] ^= 0x55 // in the ciphertext, before its seal
		return enc, nil
	})
}

// SendUnavailable sends a text to another account whose companions are only told
// that there is a message; kind is for instance "view_once". They may ask their
// phone for it.
func (p *Phone) SendUnavailable(ctx context.Context, to *Phone, text, kind string) (id string, err error) {
	return p.sendBroken(ctx, to, text, func(string, *device) (waBinary.Node, error) {
		return waBinary.Node{Tag: "unavailable", Attrs: waBinary.Attrs{"type": kind}}, nil
	})
}

func (p *Phone) sendBroken(ctx context.Context, to *Phone, text string, child func(string, *device) (waBinary.Node, error)) (id string, err error) {
	if to == nil || to.s != p.s || to == p {
		return "", errors.New("the recipient is not another account on this server")
	}
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	id = newMessageID()
	msg := &waE2E.Message{Conversation: proto.String(text)}
	p.sent[id] = sentMessage{to: to, msg: msg}
	p.s.mu.Lock()
	p.s.track(id)
	p.meets(to)
	targets := to.companions()
	p.s.mu.Unlock()
	enc, err := p.encrypt(ctx, to.lid, nil, msg)
	if err != nil {
		return id, err
	}
	to.receive(ctx, p.pn, p.lid, id, p.pn, enc)
	for _, d := range targets {
		node, err := child(id, d)
		if err != nil {
			return id, err
		}
		st := &stanza{class: "message", id: id, node: p.s.messageNode(messageParams{
			id: id, from: p, to: to, kind: "text", children: []waBinary.Node{node},
		})}
		p.s.mu.Lock()
		p.s.enqueue(d, st)
		p.s.mu.Unlock()
	}
	return id, nil
}

// TellIdentityChange tells the companions of every account that knows this one
// that its security code has changed, as after a new installation. The keys stay
// as they are; clients begin new sessions.
func (p *Phone) TellIdentityChange() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, other := range p.s.phones {
		if other == p || !p.knows[other.lid.User] {
			continue
		}
		for _, d := range other.companions() {
			p.s.enqueue(d, notification("encrypt", p.pn, waBinary.Node{Tag: "identity"}))
		}
	}
}

// Call is a call that is ringing.
type Call struct {
	ID   string    `json:"id"`
	From types.JID `json:"from"`
}

// Ring calls another account: its companions get the offer. Calls are only
// announced, nobody can take one.
func (p *Phone) Ring(to *Phone, video bool) Call {
	kind := waBinary.Node{Tag: "audio", Attrs: waBinary.Attrs{"enc": "opus", "rate": "16000"}}
	if video {
		kind = waBinary.Node{Tag: "video", Attrs: waBinary.Attrs{"dec": "H264"}}
	}
	call := Call{ID: newMessageID(), From: p.pn}
	p.callStanza(to, call, waBinary.Node{Tag: "offer", Content: []waBinary.Node{kind}})
	return call
}

// HangUp ends a call of this account; reason is for instance "timeout".
func (p *Phone) HangUp(to *Phone, call Call, reason string) {
	p.callStanza(to, call, waBinary.Node{Tag: "terminate", Attrs: waBinary.Attrs{"reason": reason}})
}

func (p *Phone) callStanza(to *Phone, call Call, child waBinary.Node) {
	if child.Attrs == nil {
		child.Attrs = waBinary.Attrs{}
	}
	child.Attrs["call-id"], child.Attrs["call-creator"], child.Attrs["caller_pn"] = call.ID, p.lid, p.pn
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, d := range to.companions() {
		id := newID()
		p.s.enqueue(d, &stanza{class: "call", id: id, node: waBinary.Node{
			Tag: "call", Content: []waBinary.Node{child},
			Attrs: waBinary.Attrs{"id": id, "from": p.lid, "t": now(), "platform": "android", "version": "2.26.45.1"},
		}})
	}
}
