package wasim

import (
	"strconv"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// picture is an account's or a group's picture; the zero value is none.
type picture struct {
	id   string
	path string // on the media host
}

// SetPicture sets the account's picture (nil removes it) and tells every
// companion on the network. It returns the id of the new picture.
func (p *Phone) SetPicture(data []byte) (id string) {
	pic := p.s.newPicture(data)
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.picture = pic
	for _, other := range p.s.phones {
		p.s.tellPicture(other, p.pn, p.pn, pic)
	}
	return pic.id
}

// SetPicture sets the group's picture; nil removes it.
func (g *Group) SetPicture(by *Phone, data []byte) (id string, err error) {
	pic := g.s.newPicture(data)
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	if err := g.allowed(by, g.locked); err != nil {
		return "", err
	}
	g.picture = pic
	for _, m := range g.members {
		g.s.tellPicture(m.phone, g.jid, by.lid, pic)
	}
	return pic.id, nil
}

// newPicture puts a picture on the media host.
func (s *Server) newPicture(data []byte) picture {
	if data == nil {
		return picture{}
	}
	path := s.putMedia(data, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pictures++
	return picture{id: strconv.Itoa(1_600_000_000 + s.pictures), path: path}
}

// tellPicture tells an account's companions of a changed picture. s.mu must be held.
func (s *Server) tellPicture(to *Phone, whose, author types.JID, pic picture) {
	child := waBinary.Node{Tag: "delete", Attrs: waBinary.Attrs{"jid": whose, "author": author}}
	if pic.id != "" {
		child = waBinary.Node{Tag: "set", Attrs: waBinary.Attrs{"jid": whose, "id": pic.id, "author": author}}
	}
	for _, d := range to.companions() {
		s.enqueue(d, notification("picture", whose, child))
	}
}

// iqPicture answers queries for pictures and takes new ones.
func (s *Server) iqPicture(c *conn, n *waBinary.Node) iqAnswer {
	s.mu.Lock()
	d := c.device
	s.mu.Unlock()
	if d == nil {
		return iqAnswer{fail: 403}
	}
	target, _ := n.Attrs["target"].(types.JID)
	asked, ok := n.GetOptionalChildByTag("picture")
	if stringAttr(n, "type") == "set" {
		var data []byte
		if ok {
			data = bytesOf(asked)
		}
		return s.takePicture(d.phone, target, data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	pic, code := s.pictureOf(d.phone, target)
	switch {
	case code != 0:
		return iqAnswer{fail: code}
	case pic.id == "":
		return iqAnswer{fail: 404}
	case stringAttr(&asked, "id") == pic.id:
		return iqAnswer{} // nothing new
	}
	return iqAnswer{content: []waBinary.Node{{Tag: "picture", Attrs: waBinary.Attrs{
		"id": pic.id, "type": asked.Attrs["type"], "url": "https://" + pictureHost + pic.path, "direct_path": pic.path,
	}}}}
}

// pictureHost is the host of pictures; it leads to the media host.
const pictureHost = "pps.whatsapp.net"

// pictureOf returns what an account may see. s.mu must be held.
func (s *Server) pictureOf(asker *Phone, target types.JID) (pic picture, code int) {
	if target.Server == types.GroupServer {
		g := s.groups[target.User]
		switch {
		case g == nil:
			return picture{}, 404
		case g.member(asker) == nil:
			return picture{}, 401
		}
		return g.picture, 0
	}
	p := s.account(target)
	if p == nil {
		return picture{}, 404
	}
	return p.picture, 0
}

// takePicture makes a client's change, of its own picture or of a group's.
func (s *Server) takePicture(p *Phone, target types.JID, data []byte) iqAnswer {
	var id string
	if target.Server == types.GroupServer {
		g := s.Group(target)
		if g == nil {
			return iqAnswer{fail: 404}
		}
		var err error
		if id, err = g.SetPicture(p, data); err != nil {
			return iqAnswer{fail: groupCode(err)}
		}
	} else {
		id = p.SetPicture(data)
	}
	if id == "" {
		return iqAnswer{}
	}
	return iqAnswer{content: []waBinary.Node{{Tag: "picture", Attrs: waBinary.Attrs{"id": id}}}}
}
