package wasim

import (
	"errors"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// iqGroup answers a client's queries about groups and makes its changes. What
// the stand-in does not know gets error 501 and is listed by UnknownIQs.
func (s *Server) iqGroup(c *conn, n *waBinary.Node) iqAnswer {
	to, _ := n.Attrs["to"].(types.JID)
	children := n.GetChildren()
	s.mu.Lock()
	d := c.device
	g := s.groups[to.User]
	s.mu.Unlock()
	switch {
	case d == nil:
		return iqAnswer{fail: 403}
	case len(children) != 1:
		return iqAnswer{fail: 400}
	}
	child, set := children[0], stringAttr(n, "type") == "set"
	var content []waBinary.Node
	var err error
	switch {
	case to == types.GroupServerJID:
		content, err = s.groupsQuery(d.phone, child, set)
	case g == nil:
		err = ErrUnknownGroup
	case set:
		content, err = g.clientChange(d.phone, child)
	default:
		content, err = g.clientQuery(d.phone, child)
	}
	switch {
	case errors.Is(err, errNotHere):
		return s.unanswerable("w:g2", n)
	case err != nil:
		return iqAnswer{fail: groupCode(err)}
	}
	return iqAnswer{content: content}
}

// errNotHere marks group queries that the stand-in does not know.
var errNotHere = errors.New("not simulated")

func groupCode(err error) int {
	switch {
	case errors.Is(err, ErrUnknownGroup):
		return 404
	case errors.Is(err, ErrNotMember), errors.Is(err, ErrNotAdmin):
		return 403
	}
	return 400
}

// groupsQuery answers what is asked about no group in particular.
func (s *Server) groupsQuery(p *Phone, n waBinary.Node, set bool) ([]waBinary.Node, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n.Tag {
	case "participating":
		var list []waBinary.Node
		for _, g := range s.groups {
			if g.member(p) != nil {
				list = append(list, g.node())
			}
		}
		return []waBinary.Node{{Tag: "groups", Content: list}}, nil
	case "create":
		g := s.newGroup(p, stringAttr(&n, "subject"), stringAttr(&n, "key"), s.named(n))
		_, g.announce = n.GetOptionalChildByTag("announcement")
		_, g.locked = n.GetOptionalChildByTag("locked")
		return []waBinary.Node{g.node()}, nil
	case "leave":
		child := n.GetChildByTag("group")
		jid, _ := child.Attrs["id"].(types.JID)
		g := s.groups[jid.User]
		if g == nil {
			return nil, ErrUnknownGroup
		}
		return []waBinary.Node{{Tag: "leave", Content: []waBinary.Node{{Tag: "group", Attrs: waBinary.Attrs{"id": jid}}}}}, g.remove(p, []*Phone{p})
	case "invite":
		return s.byInvite(p, stringAttr(&n, "code"), set)
	}
	return nil, errNotHere
}

// byInvite finds (or joins) the group of an invite link. s.mu must be held.
func (s *Server) byInvite(p *Phone, code string, join bool) ([]waBinary.Node, error) {
	for _, g := range s.groups {
		if g.invite != code {
			continue
		}
		if !join {
			return []waBinary.Node{g.node()}, nil
		}
		g.join(p, []*Phone{p}, "invite")
		return []waBinary.Node{{Tag: "group", Attrs: waBinary.Attrs{"jid": g.jid}}}, nil
	}
	return nil, ErrUnknownGroup
}

// named lists the accounts named in participant elements. s.mu must be held.
func (s *Server) named(n waBinary.Node) []*Phone {
	var out []*Phone
	for _, child := range n.GetChildrenByTag("participant") {
		jid, _ := child.Attrs["jid"].(types.JID)
		if p := s.account(jid); p != nil {
			out = append(out, p)
		}
	}
	return out
}

// clientQuery answers a client's question about the group.
func (g *Group) clientQuery(p *Phone, n waBinary.Node) ([]waBinary.Node, error) {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	if err := g.allowed(p, n.Tag == "invite"); err != nil {
		return nil, err
	}
	switch n.Tag {
	case "query":
		return []waBinary.Node{g.node()}, nil
	case "invite":
		return []waBinary.Node{{Tag: "invite", Attrs: waBinary.Attrs{"code": g.invite}}}, nil
	}
	return nil, errNotHere
}

// clientChange makes a client's change. The answer echoes the tag.
func (g *Group) clientChange(p *Phone, n waBinary.Node) ([]waBinary.Node, error) {
	switch n.Tag {
	case "announcement", "not_announcement":
		return echo(n, nil), g.SetAnnounce(p, n.Tag == "announcement")
	case "locked", "unlocked":
		return echo(n, nil), g.SetLocked(p, n.Tag == "locked")
	}
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	whom := g.s.named(n)
	switch n.Tag {
	case "add":
		return echo(n, whom), g.add(p, whom)
	case "remove":
		return echo(n, whom), g.remove(p, whom)
	case "promote", "demote":
		return echo(n, whom), g.setRank(p, n.Tag == "promote", whom)
	case "subject":
		return echo(n, nil), g.setSubject(p, string(bytesOf(n)))
	case "description":
		body := n.GetChildByTag("body")
		return echo(n, nil), g.setDescription(p, string(bytesOf(body)), stringAttr(&n, "id"))
	case "ephemeral", "not_ephemeral", "member_add_mode", "membership_approval_mode":
		// Passed on and not kept.
		if err := g.allowed(p, true); err != nil {
			return nil, err
		}
		g.tell(p, g.accounts(), n)
		return echo(n, nil), nil
	case "invite":
		err := g.resetInvite(p)
		return []waBinary.Node{{Tag: "invite", Attrs: waBinary.Attrs{"code": g.invite}}}, err
	}
	return nil, errNotHere
}

func echo(n waBinary.Node, whom []*Phone) []waBinary.Node {
	var list []waBinary.Node
	for _, p := range whom {
		list = append(list, waBinary.Node{Tag: "participant", Attrs: waBinary.Attrs{"jid": p.lid, "phone_number": p.pn}})
	}
	return []waBinary.Node{{Tag: n.Tag, Content: list}}
}
