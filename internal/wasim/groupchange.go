package wasim

import (
	"slices"
	"strconv"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
)

// Add puts accounts into the group. Their companions are told of a group they
// have joined, everybody else's of new members.
func (g *Group) Add(by *Phone, others ...*Phone) error {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	return g.add(by, others)
}

func (g *Group) add(by *Phone, others []*Phone) error {
	if err := g.allowed(by, false); err != nil {
		return err
	}
	g.join(by, others, "")
	return nil
}

// join puts accounts into the group, whoever may do that.
func (g *Group) join(by *Phone, others []*Phone, reason string) {
	before := g.accounts()
	var fresh []*member
	for _, p := range others {
		if g.member(p) == nil {
			fresh = append(fresh, &member{phone: p})
			g.members = append(g.members, fresh[len(fresh)-1])
		}
	}
	if len(fresh) == 0 {
		return
	}
	child := g.turnover("add", fresh)
	child.Attrs["reason"] = reason
	g.tell(by, before, child)
	g.tell(by, g.accounts()[len(before):], waBinary.Node{
		Tag: "create", Attrs: waBinary.Attrs{"type": "add", "reason": reason}, Content: []waBinary.Node{g.node()},
	})
}

// turnover makes the child of a notification about members.
func (g *Group) turnover(tag string, whom []*member) waBinary.Node {
	attrs := waBinary.Attrs{"prev_v_id": strconv.Itoa(g.version), "v_id": strconv.Itoa(g.version + 1)}
	g.version++
	nodes := make([]waBinary.Node, len(whom))
	for i, m := range whom {
		nodes[i] = m.node()
	}
	return waBinary.Node{Tag: tag, Attrs: attrs, Content: nodes}
}

// Remove takes accounts out of the group; an account may take itself out.
func (g *Group) Remove(by *Phone, others ...*Phone) error {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	return g.remove(by, others)
}

func (g *Group) remove(by *Phone, others []*Phone) error {
	leaves := len(others) == 1 && others[0] == by
	if err := g.allowed(by, !leaves); err != nil {
		return err
	}
	before := g.accounts()
	var gone []*member
	g.members = slices.DeleteFunc(g.members, func(m *member) bool {
		if !slices.Contains(others, m.phone) {
			return false
		}
		gone = append(gone, m)
		return true
	})
	if len(gone) == 0 {
		return nil
	}
	g.departure++
	g.tell(by, before, g.turnover("remove", gone))
	return nil
}

// Leave takes the account itself out of the group.
func (g *Group) Leave(who *Phone) error { return g.Remove(who, who) }

// Promote makes members admins.
func (g *Group) Promote(by *Phone, others ...*Phone) error { return g.rank(by, true, others) }

// Demote makes admins plain members.
func (g *Group) Demote(by *Phone, others ...*Phone) error { return g.rank(by, false, others) }

func (g *Group) rank(by *Phone, admin bool, others []*Phone) error {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	return g.setRank(by, admin, others)
}

func (g *Group) setRank(by *Phone, admin bool, others []*Phone) error {
	if err := g.allowed(by, true); err != nil {
		return err
	}
	var hit []*member
	for _, p := range others {
		m := g.member(p)
		if m == nil {
			return ErrNotMember
		}
		m.admin, m.super = admin, m.super && admin
		hit = append(hit, m)
	}
	tag := "demote"
	if admin {
		tag = "promote"
	}
	g.tell(by, g.accounts(), g.turnover(tag, hit))
	return nil
}

// SetSubject changes the group's name.
func (g *Group) SetSubject(by *Phone, text string) error {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	return g.setSubject(by, text)
}

func (g *Group) setSubject(by *Phone, text string) error {
	if err := g.allowed(by, g.locked); err != nil {
		return err
	}
	g.subject = dated{text: text, at: time.Now(), by: by}
	g.tell(by, g.accounts(), waBinary.Node{Tag: "subject", Attrs: waBinary.Attrs{
		"subject": text, "s_t": unix(g.subject.at), "s_o": by.lid, "s_o_pn": by.pn,
	}})
	return nil
}

// SetDescription changes the group's description; an empty one deletes it.
func (g *Group) SetDescription(by *Phone, text string) error {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	return g.setDescription(by, text, newMessageID())
}

func (g *Group) setDescription(by *Phone, text, id string) error {
	if err := g.allowed(by, g.locked); err != nil {
		return err
	}
	g.topic, g.topicID = dated{text: text, at: time.Now(), by: by}, id
	child := waBinary.Node{Tag: "description", Attrs: waBinary.Attrs{"id": id}, Content: []waBinary.Node{{Tag: "delete"}}}
	if text != "" {
		child.Content = []waBinary.Node{{Tag: "body", Content: []byte(text)}}
	}
	g.tell(by, g.accounts(), child)
	return nil
}

// SetAnnounce lets only admins write, or everybody.
func (g *Group) SetAnnounce(by *Phone, on bool) error {
	return g.toggle(by, &g.announce, on, "announcement", "not_announcement")
}

// SetLocked lets only admins change subject and description, or everybody.
func (g *Group) SetLocked(by *Phone, on bool) error {
	return g.toggle(by, &g.locked, on, "locked", "unlocked")
}

func (g *Group) toggle(by *Phone, what *bool, on bool, yes, no string) error {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	if err := g.allowed(by, true); err != nil {
		return err
	}
	*what = on
	tag := no
	if on {
		tag = yes
	}
	g.tell(by, g.accounts(), waBinary.Node{Tag: tag, Attrs: waBinary.Attrs{"v_id": newID()}})
	return nil
}

// Delete ends the group for everybody.
func (g *Group) Delete(by *Phone, reason string) error {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	if err := g.allowed(by, true); err != nil {
		return err
	}
	g.tell(by, g.accounts(), waBinary.Node{Tag: "delete", Attrs: waBinary.Attrs{"reason": reason}})
	g.deleted, g.members = true, nil
	delete(g.s.groups, g.jid.User)
	g.s.announce()
	return nil
}

// resetInvite revokes the invite link and makes another.
func (g *Group) resetInvite(by *Phone) error {
	if err := g.allowed(by, true); err != nil {
		return err
	}
	g.invite = newMessageID()[:22]
	g.tell(by, g.accounts(), waBinary.Node{Tag: "invite", Attrs: waBinary.Attrs{"code": g.invite}})
	return nil
}
