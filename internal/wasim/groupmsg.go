package wasim

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/protocol"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// senderKey is what a phone remembers of its own sender key in a group.
// Phone.sendMu guards it.
type senderKey struct {
	departure int             // of the group, when the key was made
	given     map[string]bool // Signal addresses that have it
}

// SendGroupText sends a text to a group: encrypted once with the phone's sender
// key, which goes along to every device that does not have it yet.
func (p *Phone) SendGroupText(ctx context.Context, g *Group, text string) (id string, err error) {
	return p.SendGroup(ctx, g, &waE2E.Message{Conversation: proto.String(text)})
}

// SendGroup sends any message like [Phone.SendGroupText]. The error is
// [ErrNotMember], or [ErrNotAdmin] when only admins may write.
func (p *Phone) SendGroup(ctx context.Context, g *Group, msg *waE2E.Message) (id string, err error) {
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	p.s.mu.Lock()
	if err := g.allowed(p, g.announce); err != nil {
		p.s.mu.Unlock()
		return "", err
	}
	id = newMessageID()
	p.s.track(id)
	departure := g.departure
	var phones []*Phone
	var devices []*device
	for _, m := range g.members {
		devices = append(devices, m.phone.companions()...)
		if m.phone != p {
			phones = append(phones, m.phone)
		}
	}
	p.s.mu.Unlock()
	p.sent[id] = sentMessage{group: g, msg: msg}
	key := p.senderKeys[g.jid.User]
	if key == nil || key.departure != departure {
		key = &senderKey{departure: departure, given: map[string]bool{}}
		p.senderKeys[g.jid.User] = key
		p.forgetSenderKey(g.jid)
	}
	share, box, err := p.groupEncrypt(ctx, g.jid, msg)
	if err != nil {
		return id, err
	}
	for _, to := range phones {
		enc, err := p.withKey(ctx, key, to.lid, share)
		if err != nil {
			return id, err
		}
		to.receiveGroup(ctx, incoming{group: g, from: p.pn, lid: p.lid, id: id, direct: enc, box: &box})
	}
	for _, d := range devices {
		enc, err := p.withKey(ctx, key, d.lid(), share)
		if err != nil {
			return id, err
		}
		children := []waBinary.Node{box}
		if enc != nil {
			children = []waBinary.Node{*enc, box}
		}
		p.s.mu.Lock()
		p.s.enqueue(d, &stanza{class: "message", id: id, node: p.groupNode(g, 0, id, stanzaKind(msg), children)})
		p.s.mu.Unlock()
	}
	return id, nil
}

// withKey encrypts the sender key for a device, nil when it has it already.
func (p *Phone) withKey(ctx context.Context, key *senderKey, to types.JID, share *waE2E.SenderKeyDistributionMessage) (*waBinary.Node, error) {
	addr := to.SignalAddress().String()
	if key.given[addr] {
		return nil, nil
	}
	enc, err := p.encrypt(ctx, to, nil, &waE2E.Message{SenderKeyDistributionMessage: share})
	if err != nil {
		return nil, err
	}
	key.given[addr] = true
	return &enc, nil
}

// groupNode makes the stanza of a group message. s.mu must be held.
func (p *Phone) groupNode(g *Group, device uint16, id, kind string, children []waBinary.Node) waBinary.Node {
	lid, pn := p.lid, p.pn
	lid.Device, pn.Device = device, device
	return waBinary.Node{Tag: "message", Attrs: waBinary.Attrs{
		"id": id, "type": kind, "t": now(), "notify": p.name, "from": g.jid,
		"participant": lid, "participant_pn": pn, "addressing_mode": "lid",
	}, Content: children}
}

// forgetSenderKey makes the next message of the phone go out under a new key.
func (p *Phone) forgetSenderKey(group types.JID) {
	p.sigMu.Lock()
	defer p.sigMu.Unlock()
	delete(p.vault.senderKeys, group.String()+" "+p.lid.SignalAddress().String())
}

// groupEncrypt encrypts with the phone's sender key and returns the key in the
// state before that.
func (p *Phone) groupEncrypt(ctx context.Context, group types.JID, msg *waE2E.Message) (*waE2E.SenderKeyDistributionMessage, waBinary.Node, error) {
	plain, err := proto.Marshal(msg)
	if err != nil {
		return nil, waBinary.Node{}, fmt.Errorf("encode message: %w", err)
	}
	share, err := p.ownSenderKey(ctx, group)
	if err != nil {
		return nil, waBinary.Node{}, err
	}
	p.sigMu.Lock()
	defer p.sigMu.Unlock()
	builder := groups.NewGroupSessionBuilder(p.sig, store.SignalProtobufSerializer)
	name := protocol.NewSenderKeyName(group.String(), p.lid.SignalAddress())
	box, err := groups.NewGroupCipher(builder, name, p.sig).Encrypt(ctx, pad(plain))
	if err != nil {
		return nil, waBinary.Node{}, fmt.Errorf("encrypt for %s: %w", group, err)
	}
	attrs := waBinary.Attrs{"v": "2", "type": "skmsg"}
	if kind := mediaKind(msg); kind != "" {
		attrs["mediatype"] = kind
	}
	return share, waBinary.Node{Tag: "enc", Attrs: attrs, Content: box.SignedSerialize()}, nil
}

// ownSenderKey returns the phone's sender key for a group, made when needed.
func (p *Phone) ownSenderKey(ctx context.Context, group types.JID) (*waE2E.SenderKeyDistributionMessage, error) {
	p.sigMu.Lock()
	defer p.sigMu.Unlock()
	builder := groups.NewGroupSessionBuilder(p.sig, store.SignalProtobufSerializer)
	share, err := builder.Create(ctx, protocol.NewSenderKeyName(group.String(), p.lid.SignalAddress()))
	if err != nil {
		return nil, fmt.Errorf("sender key for %s: %w", group, err)
	}
	return &waE2E.SenderKeyDistributionMessage{
		GroupID: proto.String(group.String()), AxolotlSenderKeyDistributionMessage: share.Serialize(),
	}, nil
}

// deliverGroup sends a remembered group message to one device that has asked
// again: under its own session, with the sender key inside. sendMu must be held.
func (p *Phone) deliverGroup(ctx context.Context, d *device, sent sentMessage, id string, retry int, fresh *bundle) error {
	share, err := p.ownSenderKey(ctx, sent.group.jid)
	if err != nil {
		return err
	}
	msg := proto.CloneOf(sent.msg)
	msg.SenderKeyDistributionMessage = share
	enc, err := p.encrypt(ctx, d.lid(), fresh, msg)
	if err != nil {
		return err
	}
	enc.Attrs["count"] = strconv.Itoa(retry)
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.withdraw(d, id)
	p.s.enqueue(d, &stanza{
		class: "message", id: id, skipAcks: 1, node: p.groupNode(sent.group, 0, id, stanzaKind(sent.msg), []waBinary.Node{enc}),
	})
	return nil
}

// incoming is a group message for a phone: an enc element of its own (the sender
// key, or the whole message), the one for all, or both.
type incoming struct {
	group     *Group
	from, lid types.JID // number and LID of the sending device
	id        string
	direct    *waBinary.Node
	box       *waBinary.Node
}

// receiveGroup decrypts a group message for the phone itself.
func (p *Phone) receiveGroup(ctx context.Context, in incoming) bool {
	msg, err := p.openGroup(ctx, in)
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	defer p.s.announce()
	if err != nil {
		p.failures++
		p.s.log.Warn("phone cannot decrypt", "phone", p.number, "from", in.from, "group", in.group.jid, "error", err)
		return false
	}
	got := Received{ID: in.id, From: in.from, To: p.pn, Group: in.group.jid, Time: time.Now()}
	got.Text, got.Kind = textOf(msg)
	p.keep(in.id, msg)
	if in.from.User == p.number {
		p.copies = append(p.copies, got)
	} else {
		p.inbox = append(p.inbox, got)
	}
	return true
}

func (p *Phone) openGroup(ctx context.Context, in incoming) (msg *waE2E.Message, err error) {
	if in.direct != nil {
		if msg, err = p.decrypt(ctx, in.lid, *in.direct); err != nil {
			return nil, err
		}
		if share := msg.GetSenderKeyDistributionMessage(); share != nil {
			if err := p.learnSenderKey(ctx, in, share.GetAxolotlSenderKeyDistributionMessage()); err != nil {
				return nil, err
			}
			msg.SenderKeyDistributionMessage = nil
		}
	}
	if in.box == nil {
		if msg == nil {
			return nil, fmt.Errorf("nothing encrypted in %s", in.id)
		}
		return msg, nil
	}
	return p.groupDecrypt(ctx, in)
}

func (p *Phone) learnSenderKey(ctx context.Context, in incoming, raw []byte) error {
	pb := store.SignalProtobufSerializer
	share, err := protocol.NewSenderKeyDistributionMessageFromBytes(raw, pb.SenderKeyDistributionMessage)
	if err != nil {
		return fmt.Errorf("parse sender key: %w", err)
	}
	p.sigMu.Lock()
	defer p.sigMu.Unlock()
	name := protocol.NewSenderKeyName(in.group.jid.String(), in.lid.SignalAddress())
	return groups.NewGroupSessionBuilder(p.sig, pb).Process(ctx, name, share)
}

func (p *Phone) groupDecrypt(ctx context.Context, in incoming) (*waE2E.Message, error) {
	pb := store.SignalProtobufSerializer
	box, err := protocol.NewSenderKeyMessageFromBytes(bytesOf(*in.box), pb.SenderKeyMessage)
	if err != nil {
		return nil, fmt.Errorf("parse skmsg: %w", err)
	}
	p.sigMu.Lock()
	defer p.sigMu.Unlock()
	name := protocol.NewSenderKeyName(in.group.jid.String(), in.lid.SignalAddress())
	plain, err := groups.NewGroupCipher(groups.NewGroupSessionBuilder(p.sig, pb), name, p.sig).Decrypt(ctx, box)
	if err != nil {
		return nil, fmt.Errorf("decrypt skmsg: %w", err)
	}
	if plain = unpad(plain); plain == nil {
		return nil, fmt.Errorf("wrong padding")
	}
	var msg waE2E.Message
	if err := proto.Unmarshal(plain, &msg); err != nil {
		return nil, fmt.Errorf("decode message: %w", err)
	}
	return &msg, nil
}
