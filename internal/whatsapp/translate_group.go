package whatsapp

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
)

// joinedGroup makes group.upsert of a group that the account is in from now on,
// and chats.upsert with it.
func (s *session) joinedGroup(e *events.JoinedGroup) ([]event.Draft, error) {
	data := s.groupData(e.GroupInfo)
	d := s.draft(event.GroupsUpsert)
	d.Key = fmt.Sprintf("%s|%s|%s|%s", e.JID, e.ParticipantVersionID, e.Type, e.CreateKey)
	if e.ParticipantVersionID == "" {
		d.Key = "" // it could not be told from a later joining
	}
	d.Look = func(x event.Index) ([]event.Payload, error) {
		payloads, err := noteChat(x, event.Party{JID: e.JID.String()}, d.At)
		return append(payloads, event.Payload{Type: event.GroupsUpsert, Data: data}), err
	}
	return []event.Draft{d}, nil
}

func (s *session) groupData(g types.GroupInfo) event.GroupData {
	owner := s.party(g.OwnerJID, g.OwnerPN)
	data := event.GroupData{
		ID: g.JID.String(), Subject: g.Name, SubjectOwner: s.party(g.NameSetBy, g.NameSetByPN).Address(),
		SubjectTime: unixText(g.NameSetAt), Size: max(len(g.Participants), g.ParticipantCount),
		Creation: unix(g.GroupCreated), Owner: owner.Address(), OwnerLID: owner.LID, Description: g.Topic,
		Restrict: g.IsLocked, Announce: g.IsAnnounce, Participants: make([]event.GroupMember, 0, len(g.Participants)),
	}
	for _, p := range g.Participants {
		who := s.party(p.JID, p.PhoneNumber, p.LID)
		data.Participants = append(data.Participants, event.GroupMember{ID: who.Address(), LID: who.LID, Admin: rank(p)})
	}
	return data
}

func rank(p types.GroupParticipant) *string {
	name := "admin"
	switch {
	case p.IsSuperAdmin:
		name = "superadmin"
	case !p.IsAdmin:
		return nil
	}
	return &name
}

// groupInfo makes group.update and group.participants:update of one change;
// both can be in it. What v2 has no field for is no event.
func (s *session) groupInfo(e *events.GroupInfo) ([]event.Draft, error) {
	var drafts []event.Draft
	add := func(t event.Type, data any) error {
		raw, err := json.Marshal(data)
		if err != nil {
			return err
		}
		d := s.draft(t)
		// The same change of the same second is the same notice, sent again.
		d.Key = fmt.Sprintf("%d|%s|%s", e.Timestamp.Unix(), e.ParticipantVersionID, raw)
		d.Data = json.RawMessage(raw)
		drafts = append(drafts, d)
		return nil
	}
	if e.Name != nil || e.Locked != nil || e.Announce != nil {
		if err := add(event.GroupUpdate, s.groupChange(e)); err != nil {
			return nil, err
		}
	}
	for _, list := range []struct {
		action string
		who    []types.JID
	}{{"add", e.Join}, {"remove", e.Leave}, {"promote", e.Promote}, {"demote", e.Demote}} {
		if len(list.who) == 0 {
			continue
		}
		if err := add(event.GroupParticipantsUpdate, s.membership(e, list.action, list.who)); err != nil {
			return nil, err
		}
	}
	return drafts, nil
}

func (s *session) groupChange(e *events.GroupInfo) event.GroupChange {
	change := event.GroupChange{ID: e.JID.String()}
	if n := e.Name; n != nil {
		change.Subject = &n.Name
		change.SubjectOwner = s.party(n.NameSetBy, n.NameSetByPN).Address()
		change.SubjectTime = unixText(n.NameSetAt)
	}
	if e.Locked != nil {
		change.Restrict = &e.Locked.IsLocked
	}
	if e.Announce != nil {
		change.Announce = &e.Announce.IsAnnounce
	}
	return change
}

func (s *session) membership(e *events.GroupInfo, action string, who []types.JID) event.GroupMembership {
	m := event.GroupMembership{ID: e.JID.String(), Action: action}
	for _, jid := range who {
		p := s.party(jid)
		m.Participants = append(m.Participants, p.Address())
		m.ParticipantLIDs = append(m.ParticipantLIDs, p.LID)
	}
	var author []types.JID
	for _, jid := range []*types.JID{e.Sender, e.SenderPN} {
		if jid != nil {
			author = append(author, *jid)
		}
	}
	m.Author = s.party(author...).Address()
	return m
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func unixText(t time.Time) string { return strconv.FormatInt(unix(t), 10) }
