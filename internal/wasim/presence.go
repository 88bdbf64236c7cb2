package wasim

import (
	"slices"
	"strconv"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// Typing is what somebody does in a chat.
type Typing string

// What somebody can do in a chat.
const (
	Composing Typing = "composing"
	Recording Typing = "recording"
	Paused    Typing = "paused"
)

// ChatState is what a companion told a phone that it is doing.
type ChatState struct {
	From  types.JID // number and device
	Group types.JID // empty in chats of two
	State Typing
}

// presence is an account's last known presence.
type presence struct {
	known, online bool
	last          time.Time
}

func (v presence) node(p *Phone) waBinary.Node {
	attrs := waBinary.Attrs{"from": p.pn}
	if !v.online {
		attrs["type"], attrs["last"] = "unavailable", "deny"
		if !v.last.IsZero() {
			attrs["last"] = strconv.FormatInt(v.last.Unix(), 10)
		}
	}
	return waBinary.Node{Tag: "presence", Attrs: attrs}
}

// SetPresence makes the account online, or offline and last seen at a time (zero:
// it does not tell). Companions of others that have subscribed and are online
// learn it at once; one that subscribes later gets the last known presence.
func (p *Phone) SetPresence(online bool, last time.Time) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.presence = presence{known: true, online: online, last: last}
	for _, d := range p.s.subscribers(p) {
		d.conn.send(p.presence.node(p))
	}
}

// SetTyping shows the companions of another account what somebody at this phone
// is doing in the chat with it. Only companions that are online and have
// subscribed to this account see it; the number of them is returned.
func (p *Phone) SetTyping(to *Phone, state Typing) int {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	n := 0
	for _, d := range p.s.subscribers(p) {
		if d.phone == to {
			d.conn.send(chatState(waBinary.Attrs{"from": p.pn}, state))
			n++
		}
	}
	return n
}

// SetGroupTyping shows the companions of a group's other members what somebody at
// this phone is doing there. It reaches those that are online and have called
// themselves available; the number of them is returned.
func (p *Phone) SetGroupTyping(g *Group, state Typing) int {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	n := 0
	for _, m := range g.members {
		for _, d := range m.phone.companions() {
			if m.phone == p || !d.online() || d.conn.lastPresence() != "available" {
				continue
			}
			d.conn.send(chatState(waBinary.Attrs{"from": g.jid, "participant": p.lid, "participant_pn": p.pn, "addressing_mode": "lid"}, state))
			n++
		}
	}
	return n
}

func chatState(attrs waBinary.Attrs, state Typing) waBinary.Node {
	child := waBinary.Node{Tag: string(state)}
	if state == Recording {
		child = waBinary.Node{Tag: string(Composing), Attrs: waBinary.Attrs{"media": "audio"}}
	}
	return waBinary.Node{Tag: "chatstate", Attrs: attrs, Content: []waBinary.Node{child}}
}

// ChatStates returns what companions of others have told this account that they
// are doing, oldest first.
func (p *Phone) ChatStates() []ChatState {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return slices.Clone(p.chatStates)
}

// Presence returns the presence a device has given itself on its present
// connection: "available", "unavailable", or "" when it has said nothing.
func (s *Server) Presence(device types.JID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.device(device); d != nil && d.conn != nil {
		return d.conn.lastPresence()
	}
	return ""
}

// lastPresence is the newest presence of a client, or "". s.mu must be held.
func (c *conn) lastPresence() string {
	if len(c.presence) == 0 {
		return ""
	}
	return c.presence[len(c.presence)-1]
}

// Presences returns every presence that a device has given itself on its present
// connection, oldest first.
func (s *Server) Presences(device types.JID) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.device(device); d != nil && d.conn != nil {
		return slices.Clone(d.conn.presence)
	}
	return nil
}

// Subscribed reports whether a device has subscribed to a phone's presence on its
// present connection.
func (s *Server) Subscribed(device types.JID, to *Phone) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.device(device)
	return d != nil && d.conn != nil && d.conn.subs[to]
}

// subscribers lists the devices that are online and subscribed. s.mu must be held.
func (s *Server) subscribers(to *Phone) []*device {
	var out []*device
	for _, p := range s.phones {
		for _, d := range p.companions() {
			if d.online() && d.conn.subs[to] {
				out = append(out, d)
			}
		}
	}
	return out
}

// handlePresence takes a client's own presence and its subscriptions, which last
// as long as the connection.
func (s *Server) handlePresence(c *conn, n *waBinary.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.device == nil {
		return
	}
	defer s.announce()
	kind := stringAttr(n, "type")
	if kind != "subscribe" {
		c.presence = append(c.presence, kind)
		return
	}
	jid, _ := n.Attrs["to"].(types.JID)
	p := s.account(jid)
	if p == nil {
		return
	}
	if c.subs == nil {
		c.subs = map[*Phone]bool{}
	}
	c.subs[p] = true
	if p.presence.known {
		c.send(p.presence.node(p))
	}
}

// handleChatState files what a client says that it is doing.
func (s *Server) handleChatState(c *conn, n *waBinary.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	children := n.GetChildren()
	if c.device == nil || len(children) != 1 {
		return
	}
	state := ChatState{From: c.device.pn(), State: Typing(children[0].Tag)}
	if stringAttr(&children[0], "media") == "audio" {
		state.State = Recording
	}
	to, _ := n.Attrs["to"].(types.JID)
	for _, p := range s.audience(c.device, to) {
		in := state
		if to.Server == types.GroupServer {
			in.Group = to
		}
		p.chatStates = append(p.chatStates, in)
	}
	s.announce()
}

// audience lists the accounts behind a chat, without the device's own. s.mu must
// be held.
func (s *Server) audience(d *device, chat types.JID) []*Phone {
	if g := s.groups[chat.User]; g != nil && chat.Server == types.GroupServer {
		var out []*Phone
		for _, m := range g.members {
			if m.phone != d.phone {
				out = append(out, m.phone)
			}
		}
		return out
	}
	if p := s.account(chat); p != nil && p != d.phone {
		return []*Phone{p}
	}
	return nil
}
