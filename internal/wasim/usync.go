package wasim

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// iqUsync answers questions about users: who exists, under which LID, with which
// devices. A user is named by an address, or by a number in a contact element.
func (s *Server) iqUsync(n *waBinary.Node) iqAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := n.GetChildByTag("usync", "query")
	list := n.GetChildByTag("usync", "list")
	var users []waBinary.Node
	for _, u := range list.GetChildrenByTag("user") {
		if contact, ok := u.GetOptionalChildByTag("contact"); ok {
			users = append(users, s.usyncContact(query, contact))
			continue
		}
		if jid, ok := u.Attrs["jid"].(types.JID); ok {
			users = append(users, s.usyncUser(query, jid))
		}
	}
	asked := n.GetChildByTag("usync")
	return iqAnswer{content: []waBinary.Node{{
		Tag:     "usync",
		Attrs:   waBinary.Attrs{"sid": asked.Attrs["sid"], "index": "0", "last": "true", "mode": asked.Attrs["mode"], "context": asked.Attrs["context"]},
		Content: []waBinary.Node{{Tag: "list", Content: users}},
	}}}
}

// usyncContact answers a query by number. Both kinds of answer carry an address,
// because the client skips users without one.
func (s *Server) usyncContact(query, contact waBinary.Node) waBinary.Node {
	text := ""
	switch v := contact.Content.(type) {
	case []byte:
		text = string(v)
	case string:
		text = v
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(text, "+"), "@")
	p := s.phones[number]
	pn := types.NewJID(number, types.DefaultUserServer)
	if p == nil {
		return waBinary.Node{Tag: "user", Attrs: waBinary.Attrs{"jid": pn}, Content: []waBinary.Node{
			{Tag: "contact", Attrs: waBinary.Attrs{"type": "out"}, Content: []byte(text)},
		}}
	}
	attrs := waBinary.Attrs{"jid": p.pn}
	if c, _ := query.GetOptionalChildByTag("contact"); c.Attrs["addressing_mode"] == "lid" {
		attrs = waBinary.Attrs{"jid": p.lid, "pn_jid": p.pn}
	}
	return waBinary.Node{Tag: "user", Attrs: attrs, Content: append(s.usyncParts(query, p),
		waBinary.Node{Tag: "contact", Attrs: waBinary.Attrs{"type": "in"}, Content: []byte(text)})}
}

func (s *Server) usyncUser(query waBinary.Node, jid types.JID) waBinary.Node {
	out := waBinary.Node{Tag: "user", Attrs: waBinary.Attrs{"jid": jid}}
	if p := s.account(jid); p != nil {
		out.Content = s.usyncParts(query, p)
	}
	return out
}

func (s *Server) usyncParts(query waBinary.Node, p *Phone) []waBinary.Node {
	var out []waBinary.Node
	for _, part := range query.GetChildren() {
		switch part.Tag {
		case "devices":
			var devices []waBinary.Node
			for _, id := range p.deviceIDs() {
				devices = append(devices, waBinary.Node{Tag: "device", Attrs: waBinary.Attrs{"id": strconv.Itoa(int(id)), "key-index": strconv.Itoa(int(id))}})
			}
			out = append(out, waBinary.Node{Tag: "devices", Content: []waBinary.Node{{Tag: "device-list", Content: devices}}})
		case "lid":
			out = append(out, waBinary.Node{Tag: "lid", Attrs: waBinary.Attrs{"val": p.lid}})
		case "status":
			out = append(out, waBinary.Node{Tag: "status", Attrs: waBinary.Attrs{"t": now()}, Content: []byte("At the pigeon loft")})
		}
	}
	return out
}

// deviceIDs lists the phone (0) and its companions. s.mu must be held.
func (p *Phone) deviceIDs() []uint16 {
	ids := []uint16{0}
	for id := range p.devices {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// lidDevices lists the LID addresses of the phone and its companions. s.mu must
// be held.
func (p *Phone) lidDevices() []types.JID {
	var out []types.JID
	for _, id := range p.deviceIDs() {
		jid := p.lid
		jid.Device = id
		out = append(out, jid)
	}
	return out
}

// deviceHash is the hash over all devices a message to chat has to reach. A
// client that used an older list of the recipient's devices asks for the new one
// before its next message.
func (s *Server) deviceHash(chat, own *Phone) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := chat.lidDevices()
	if own != chat {
		all = append(all, own.lidDevices()...)
	}
	return listHash(all)
}

// listHash is participantListHashV2 of whatsmeow's send.go.
func listHash(all []types.JID) string {
	texts := make([]string, len(all))
	for i, jid := range all {
		texts[i] = jid.ADString()
	}
	slices.Sort(texts)
	sum := sha256.Sum256([]byte(strings.Join(texts, "")))
	return "2:" + base64.RawStdEncoding.EncodeToString(sum[:6])
}

// tellDevices tells an account's companions that its list of devices has
// changed. The hash in a message's ack renews only the recipient's list, so
// without this a companion would never write to a younger sister. s.mu must be held.
func (p *Phone) tellDevices() {
	all := p.lidDevices()
	nodes := make([]waBinary.Node, len(all))
	for i, jid := range all {
		nodes[i] = waBinary.Node{Tag: "device", Attrs: waBinary.Attrs{"jid": jid, "key-index": strconv.Itoa(int(jid.Device))}}
	}
	for _, d := range p.companions() {
		if d.provisioned {
			p.s.enqueue(d, notification("account_sync", p.lid, waBinary.Node{
				Tag: "devices", Attrs: waBinary.Attrs{"dhash": listHash(all)}, Content: nodes,
			}))
		}
	}
}
