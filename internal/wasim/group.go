package wasim

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// Errors of groups.
var (
	// ErrUnknownGroup says that there is no such group (any more).
	ErrUnknownGroup = errors.New("no such group")
	// ErrNotMember says that the account is not in the group.
	ErrNotMember = errors.New("not a member of the group")
	// ErrNotAdmin says that only admins of the group may do that.
	ErrNotAdmin = errors.New("not an admin of the group")
)

// Group is a group chat. Everything but its address is guarded by Server.mu. All
// methods are safe for concurrent use; those that change something name the
// account that does it and tell the companions of all members.
type Group struct {
	s       *Server
	jid     types.JID
	created time.Time
	creator *Phone

	subject   dated
	topic     dated
	topicID   string
	announce  bool
	locked    bool
	members   []*member
	version   int // of the list of members
	departure int // raised when somebody leaves: senders make new keys then
	invite    string
	picture   picture
	deleted   bool
}

// dated is a text with its author.
type dated struct {
	text string
	at   time.Time
	by   *Phone
}

// member is one account in a group.
type member struct {
	phone        *Phone
	admin, super bool
}

// NewGroup makes a group as the phone p does, which becomes its admin. The
// companions of all members are told of a group they have joined.
func (p *Phone) NewGroup(subject string, others ...*Phone) *Group {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.s.newGroup(p, subject, newMessageID(), others)
}

// newGroup makes a group. s.mu must be held.
func (s *Server) newGroup(by *Phone, subject, key string, others []*Phone) *Group {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never returns an error
	user := "120363" + strconv.FormatUint(100_000_000_000+binary.BigEndian.Uint64(raw[:])%900_000_000_000, 10)
	at := time.Now()
	g := &Group{
		s: s, jid: types.NewJID(user, types.GroupServer), created: at, creator: by, invite: newMessageID()[:22],
		subject: dated{text: subject, at: at, by: by}, members: []*member{{phone: by, admin: true, super: true}},
	}
	for _, p := range others {
		if g.member(p) == nil {
			g.members = append(g.members, &member{phone: p})
		}
	}
	s.groups[user] = g
	g.tell(by, g.accounts(), waBinary.Node{
		Tag: "create", Attrs: waBinary.Attrs{"type": "new", "key": key}, Content: []waBinary.Node{g.node()},
	})
	s.announce()
	return g
}

// Group returns the group with that address, nil when there is none.
func (s *Server) Group(jid types.JID) *Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.groups[jid.User]
}

// Groups returns all groups, oldest first.
func (s *Server) Groups() []*Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*Group, 0, len(s.groups))
	for _, g := range s.groups {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b *Group) int {
		if c := a.created.Compare(b.created); c != 0 {
			return c
		}
		return strings.Compare(a.jid.User, b.jid.User)
	})
	return out
}

// JID returns the address of the group.
func (g *Group) JID() types.JID { return g.jid }

// GroupState is what a group looks like now.
type GroupState struct {
	JID         types.JID   `json:"jid"`
	Subject     string      `json:"subject"`
	Description string      `json:"description"`
	Announce    bool        `json:"announce"` // only admins write
	Locked      bool        `json:"locked"`   // only admins change subject and description
	Members     []types.JID `json:"members"`  // numbers, in the order of joining
	Admins      []types.JID `json:"admins"`
}

// State returns what the group looks like now.
func (g *Group) State() GroupState {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	out := GroupState{JID: g.jid, Subject: g.subject.text, Description: g.topic.text, Announce: g.announce, Locked: g.locked}
	for _, m := range g.members {
		out.Members = append(out.Members, m.phone.pn)
		if m.admin {
			out.Admins = append(out.Admins, m.phone.pn)
		}
	}
	return out
}

// Invite returns the code of the group's invite link.
func (g *Group) Invite() string {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	return g.invite
}

// member returns an account's membership, nil when it is not in the group. s.mu
// must be held, as for all that follows.
func (g *Group) member(p *Phone) *member {
	for _, m := range g.members {
		if m.phone == p {
			return m
		}
	}
	return nil
}

func (g *Group) accounts() []*Phone {
	out := make([]*Phone, len(g.members))
	for i, m := range g.members {
		out[i] = m.phone
	}
	return out
}

// allowed says whether an account may change the group.
func (g *Group) allowed(by *Phone, onlyAdmins bool) error {
	switch m := g.member(by); {
	case g.deleted:
		return ErrUnknownGroup
	case m == nil:
		return ErrNotMember
	case onlyAdmins && !m.admin:
		return ErrNotAdmin
	}
	return nil
}

// node describes the whole group.
func (g *Group) node() waBinary.Node {
	content := []waBinary.Node{{Tag: "member_add_mode", Content: []byte("all_member_add")}}
	for _, m := range g.members {
		content = append(content, m.node())
	}
	if g.topic.text != "" {
		content = append(content, waBinary.Node{
			Tag:     "description",
			Attrs:   waBinary.Attrs{"id": g.topicID, "participant": g.topic.by.lid, "participant_pn": g.topic.by.pn, "t": unix(g.topic.at)},
			Content: []waBinary.Node{{Tag: "body", Content: []byte(g.topic.text)}},
		})
	}
	if g.announce {
		content = append(content, waBinary.Node{Tag: "announcement"})
	}
	if g.locked {
		content = append(content, waBinary.Node{Tag: "locked"})
	}
	return waBinary.Node{Tag: "group", Attrs: waBinary.Attrs{
		"id": g.jid.User, "subject": g.subject.text, "s_t": unix(g.subject.at), "s_o": g.subject.by.lid, "s_o_pn": g.subject.by.pn,
		"creation": unix(g.created), "creator": g.creator.lid, "creator_pn": g.creator.pn, "addressing_mode": "lid",
		"size": strconv.Itoa(len(g.members)), "p_v_id": strconv.Itoa(g.version),
	}, Content: content}
}

func (m *member) node() waBinary.Node {
	attrs := waBinary.Attrs{"jid": m.phone.lid, "phone_number": m.phone.pn}
	switch {
	case m.super:
		attrs["type"] = "superadmin"
	case m.admin:
		attrs["type"] = "admin"
	}
	return waBinary.Node{Tag: "participant", Attrs: attrs}
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// tell queues a group notification for the companions of some accounts.
func (g *Group) tell(by *Phone, to []*Phone, child waBinary.Node) {
	for _, p := range to {
		for _, d := range p.companions() {
			st := notification("w:gp2", g.jid, child)
			st.node.Attrs["participant"], st.node.Attrs["participant_pn"] = by.lid, by.pn
			st.node.Attrs["notify"], st.node.Attrs["addressing_mode"] = by.name, "lid"
			g.s.enqueue(d, st)
		}
	}
}
