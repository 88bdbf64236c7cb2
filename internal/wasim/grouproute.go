package wasim

import (
	"context"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// groupVerdict says with which error a client's group message is refused, 0 when
// it is not. Which codes the real network uses here is not known.
func (s *Server) groupVerdict(d *device, g *Group) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g == nil {
		return 404
	}
	if g.allowed(d.phone, g.announce) != nil {
		return 403
	}
	return 0
}

// routeGroup routes a client's group message to every device of every member.
func (s *Server) routeGroup(ctx context.Context, d *device, g *Group, n *waBinary.Node) {
	id := stringAttr(n, "id")
	if asker, ok := n.Attrs["participant"].(types.JID); ok {
		s.routeGroupCopy(ctx, d, g, asker, n)
		return
	}
	direct := map[types.JID]waBinary.Node{}
	list := n.GetChildByTag("participants")
	for _, target := range list.GetChildrenByTag("to") {
		jid, _ := target.Attrs["jid"].(types.JID)
		if enc, ok := target.GetOptionalChildByTag("enc"); ok {
			direct[jid] = enc
		}
	}
	box, ok := n.GetOptionalChildByTag("enc")
	if !ok {
		return
	}
	s.mu.Lock()
	s.track(id)
	phones := g.accounts()
	for _, p := range phones {
		for _, to := range p.companions() {
			if to == d {
				continue
			}
			var children []waBinary.Node
			if enc, ok := direct[to.lid()]; ok {
				children = append(children, enc)
			}
			children = append(children, box)
			if ident, ok := n.GetOptionalChildByTag("device-identity"); ok {
				children = append(children, ident)
			}
			s.enqueue(to, &stanza{class: "message", id: id, node: d.phone.groupNode(g, d.id, id, stringAttr(n, "type"), children)})
		}
	}
	s.mu.Unlock()
	for _, p := range phones {
		in := incoming{group: g, from: d.pn(), lid: d.lid(), id: id, box: &box}
		if enc, ok := direct[p.lid]; ok {
			in.direct = &enc
		}
		s.groupArrived(ctx, d, p, in)
	}
}

// routeGroupCopy routes a copy for the one device that has asked again.
func (s *Server) routeGroupCopy(ctx context.Context, d *device, g *Group, asker types.JID, n *waBinary.Node) {
	enc, ok := n.GetOptionalChildByTag("enc")
	if !ok {
		return
	}
	id := stringAttr(n, "id")
	s.mu.Lock()
	p := s.account(asker)
	if to := s.device(asker); to != nil && asker.Device != 0 {
		children := []waBinary.Node{enc}
		if ident, ok := n.GetOptionalChildByTag("device-identity"); ok {
			children = append(children, ident)
		}
		s.enqueue(to, &stanza{class: "message", id: id, node: d.phone.groupNode(g, d.id, id, stringAttr(n, "type"), children)})
	}
	s.mu.Unlock()
	if p != nil && asker.Device == 0 {
		s.groupArrived(ctx, d, p, incoming{group: g, from: d.pn(), lid: d.lid(), id: id, direct: &enc})
	}
}

// groupArrived gives a group message to a phone, which confirms it or asks again.
func (s *Server) groupArrived(ctx context.Context, d *device, p *Phone, in incoming) {
	switch {
	case !p.receiveGroup(ctx, in):
		p.askAgain(d, nil, in.group, in.id)
	case p != d.phone:
		p.delivered(d, in.group.jid, in.id)
	}
}

// groupHash is the hash over all devices that a message to the group has to reach.
func (s *Server) groupHash(g *Group) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []types.JID
	for _, m := range g.members {
		all = append(all, m.phone.lidDevices()...)
	}
	return listHash(all)
}
