package wasim_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"pombal/internal/wasim"
)

// said waits for a group message with that text.
func (c *client) said(g *wasim.Group, text string) *events.Message {
	c.t.Helper()
	return wait(c, 1, func(m *events.Message) bool {
		return m.Info.Chat == g.JID() && m.Message.GetConversation() == text
	})
}

func say(t *testing.T, s *wasim.Server, p *wasim.Phone, g *wasim.Group, text string) string {
	t.Helper()
	id, err := p.SendGroupText(ctxFor(t), g, text)
	if err != nil {
		t.Fatalf("SendGroupText: %v", err)
	}
	if err := s.WaitAcked(ctxFor(t), id); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestGroupMessages(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	g := bob.NewGroup("Pigeons", ana)
	joined := wait[*events.JoinedGroup](c, 1, nil)
	if joined.JID != g.JID() || joined.Name != "Pigeons" || len(joined.Participants) != 2 || *joined.SenderPN != bob.JID() {
		t.Errorf("JoinedGroup = %+v", joined)
	}
	for _, text := range []string{"one", "two"} { // with the sender key, then without
		id := say(t, s, bob, g, text)
		m := c.said(g, text)
		if m.Info.ID != id || !m.Info.IsGroup || m.Info.Sender.User != bob.LID().User || m.Info.SenderAlt.User != bob.Number() {
			t.Errorf("message = %+v", m.Info)
		}
	}
	say(t, s, ana, g, "from my phone")
	if m := c.said(g, "from my phone"); !m.Info.IsFromMe {
		t.Errorf("message = %+v, want mine", m.Info)
	}

	resp, err := c.SendMessage(ctxFor(t), g.JID(), &waE2E.Message{Conversation: proto.String("from a companion")})
	if err != nil {
		t.Fatalf("SendMessage: %v", err)
	}
	in, err := bob.WaitInbox(ctxFor(t), 2)
	if err != nil || in[1].Text != "from a companion" || in[1].Group != g.JID() || in[1].From != jid {
		t.Fatalf("bob's inbox = %+v, %v", in, err)
	}
	if copies, err := ana.WaitCopies(ctxFor(t), 1); err != nil || copies[0].Group != g.JID() {
		t.Errorf("ana's copies = %+v, %v", copies, err)
	}
	wait(c, 1, func(r *events.Receipt) bool {
		return r.Type == types.ReceiptTypeDelivered && r.Chat == g.JID() && r.Sender == bob.LID() && r.MessageIDs[0] == resp.ID
	})
	if err := bob.Read(ctxFor(t), resp.ID); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(r *events.Receipt) bool { return r.Type == types.ReceiptTypeRead && r.Chat == g.JID() })

	if ana.Failures()+bob.Failures() != 0 {
		t.Error("a phone could not decrypt")
	}
}

func TestGroupTypingAndNewcomer(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob, eva := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob"), s.NewPhone("5511900000003", "Eva")
	c, _ := pair(t, s, ana)
	g := bob.NewGroup("Pigeons", ana)
	say(t, s, bob, g, "before")
	c.said(g, "before")
	if err := c.SendPresence(ctxFor(t), types.PresenceAvailable); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetBlocklist(ctxFor(t)); err != nil { // stanzas are handled in order
		t.Fatal(err)
	}
	if n := bob.SetGroupTyping(g, wasim.Composing); n != 1 {
		t.Errorf("SetGroupTyping reached %d devices, want 1", n)
	}
	wait(c, 1, func(e *events.ChatPresence) bool { return e.Chat == g.JID() && e.Sender == bob.LID() })

	// The newcomer's keys reach it with the next message, from both kinds of sender.
	if err := g.Add(bob, eva); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.GroupInfo) bool { return slices.Equal(e.Join, []types.JID{eva.LID()}) })
	e, _ := pair(t, s, eva)
	say(t, s, bob, g, "welcome")
	c.said(g, "welcome")
	e.said(g, "welcome")
	if _, err := c.SendMessage(ctxFor(t), g.JID(), &waE2E.Message{Conversation: proto.String("hello Eva")}); err != nil {
		t.Fatal(err)
	}
	e.said(g, "hello Eva")
	if ana.Failures()+bob.Failures()+eva.Failures() != 0 {
		t.Error("a phone could not decrypt")
	}
}

func TestGroupRetries(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, _ := pair(t, s, ana)
	g := bob.NewGroup("Pigeons", ana)
	say(t, s, bob, g, "one")
	c.said(g, "one")
	err := c.dev.SenderKeys.PutSenderKey(context.Background(), g.JID().String(), bob.LID().SignalAddress().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	id := say(t, s, bob, g, "two")
	wait(c, 1, func(u *events.UndecryptableMessage) bool { return u.Info.ID == id })
	c.said(g, "two")

	// The other way round: the phone asks the client.
	send := func(text string) {
		t.Helper()
		if _, err := c.SendMessage(ctxFor(t), g.JID(), &waE2E.Message{Conversation: &text}); err != nil {
			t.Fatal(err)
		}
	}
	send("three")
	bob.ForgetSessions()
	send("four")
	if in, err := bob.WaitInbox(ctxFor(t), 2); err != nil || in[1].Text != "four" {
		t.Errorf("bob's inbox = %+v, %v", in, err)
	}
	if bob.Failures() == 0 {
		t.Error("nothing was lost: the test shows nothing")
	}
}

func TestGroupChanges(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob, eva := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob"), s.NewPhone("5511900000003", "Eva")
	c, jid := pair(t, s, ana)
	g := bob.NewGroup("Pigeons", ana)
	if err := g.SetLocked(ana, true); !errors.Is(err, wasim.ErrNotAdmin) {
		t.Errorf("SetLocked by a member = %v, want %v", err, wasim.ErrNotAdmin)
	}
	if err := g.Add(eva, eva); !errors.Is(err, wasim.ErrNotMember) {
		t.Errorf("Add by a stranger = %v, want %v", err, wasim.ErrNotMember)
	}
	for _, tc := range []struct {
		name string
		do   func() error
		seen func(*events.GroupInfo) bool
	}{
		{"add", func() error { return g.Add(bob, eva) }, func(e *events.GroupInfo) bool { return len(e.Join) == 1 }},
		{"promote", func() error { return g.Promote(bob, ana) }, func(e *events.GroupInfo) bool { return slices.Equal(e.Promote, []types.JID{ana.LID()}) }},
		{"demote", func() error { return g.Demote(bob, ana) }, func(e *events.GroupInfo) bool { return len(e.Demote) == 1 }},
		{"subject", func() error { return g.SetSubject(bob, "Doves") }, func(e *events.GroupInfo) bool { return e.Name != nil && e.Name.Name == "Doves" }},
		{"description", func() error { return g.SetDescription(bob, "About") }, func(e *events.GroupInfo) bool { return e.Topic != nil && e.Topic.Topic == "About" }},
		{"no description", func() error { return g.SetDescription(bob, "") }, func(e *events.GroupInfo) bool { return e.Topic != nil && e.Topic.TopicDeleted }},
		{"announce", func() error { return g.SetAnnounce(bob, true) }, func(e *events.GroupInfo) bool { return e.Announce != nil && e.Announce.IsAnnounce }},
		{"all write", func() error { return g.SetAnnounce(bob, false) }, func(e *events.GroupInfo) bool { return e.Announce != nil && !e.Announce.IsAnnounce }},
		{"locked", func() error { return g.SetLocked(bob, true) }, func(e *events.GroupInfo) bool { return e.Locked != nil && e.Locked.IsLocked }},
		{"leave", func() error { return g.Leave(eva) }, func(e *events.GroupInfo) bool { return slices.Equal(e.Leave, []types.JID{eva.LID()}) }},
		{"remove", func() error { return g.Remove(bob, ana) }, func(e *events.GroupInfo) bool { return slices.Equal(e.Leave, []types.JID{ana.LID()}) }},
	} {
		if err := tc.do(); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		wait(c, 1, tc.seen)
	}
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SendMessage(ctxFor(t), g.JID(), &waE2E.Message{Conversation: proto.String("still here?")}); !errors.Is(err, whatsmeow.ErrServerReturnedError) {
		t.Errorf("SendMessage after the removal = %v, want %v", err, whatsmeow.ErrServerReturnedError)
	}
	if _, err := ana.SendGroupText(ctxFor(t), g, "me too"); !errors.Is(err, wasim.ErrNotMember) {
		t.Errorf("SendGroupText after the removal = %v, want %v", err, wasim.ErrNotMember)
	}
	if err := g.Add(bob, ana); err != nil {
		t.Fatal(err)
	}
	wait(c, 2, func(e *events.JoinedGroup) bool { return e.JID == g.JID() })
	if err := g.Delete(bob, "over"); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.GroupInfo) bool { return e.Delete != nil && e.Delete.DeleteReason == "over" })
}

// What a client asks about groups and changes itself.
func TestGroupQueriesOfTheClient(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob, eva := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob"), s.NewPhone("5511900000003", "Eva")
	c, _ := pair(t, s, ana)
	ctx := ctxFor(t)
	info, err := c.CreateGroup(ctx, whatsmeow.ReqCreateGroup{Name: "Mine", Participants: []types.JID{bob.JID()}})
	if err != nil || info.Name != "Mine" || len(info.Participants) != 2 {
		t.Fatalf("CreateGroup = %+v, %v", info, err)
	}
	g := s.Group(info.JID)
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	changed, err := c.UpdateGroupParticipants(ctx, info.JID, []types.JID{eva.JID()}, whatsmeow.ParticipantChangeAdd)
	if err != nil || len(changed) != 1 || changed[0].PhoneNumber != eva.JID() {
		t.Errorf("UpdateGroupParticipants = %+v, %v", changed, err)
	}
	_, err = c.UpdateGroupParticipants(ctx, info.JID, []types.JID{eva.LID()}, whatsmeow.ParticipantChangePromote)
	must("promote", err)
	must("SetGroupName", c.SetGroupName(ctx, info.JID, "Ours"))
	must("SetGroupTopic", c.SetGroupTopic(ctx, info.JID, "", "", "About us"))
	must("SetGroupAnnounce", c.SetGroupAnnounce(ctx, info.JID, true))
	must("SetGroupLocked", c.SetGroupLocked(ctx, info.JID, true))
	must("SetDisappearingTimer", c.SetDisappearingTimer(ctx, info.JID, whatsmeow.DisappearingTimer24Hours, time.Time{}))
	wait(c, 1, func(e *events.GroupInfo) bool { return e.Ephemeral != nil && e.Ephemeral.DisappearingTimer == 86400 })
	want := wasim.GroupState{
		JID: info.JID, Subject: "Ours", Description: "About us", Announce: true, Locked: true,
		Members: []types.JID{ana.JID(), bob.JID(), eva.JID()}, Admins: []types.JID{ana.JID(), eva.JID()},
	}
	if got := g.State(); got.Subject != want.Subject || got.Description != want.Description || !got.Announce || !got.Locked ||
		!slices.Equal(got.Members, want.Members) || !slices.Equal(got.Admins, want.Admins) {
		t.Errorf("state = %+v, want %+v", got, want)
	}
	if link, err := c.GetGroupInviteLink(ctx, info.JID, false); err != nil || link != whatsmeow.InviteLinkPrefix+g.Invite() {
		t.Errorf("GetGroupInviteLink = %q, %v", link, err)
	}
	groups, err := c.GetJoinedGroups(ctx)
	if err != nil || len(groups) != 1 || groups[0].Topic != "About us" || !groups[0].IsAnnounce || !groups[0].IsLocked {
		t.Errorf("GetJoinedGroups = %+v, %v", groups, err)
	}
	must("LeaveGroup", c.LeaveGroup(ctx, info.JID))
	if _, err := c.GetGroupInfo(ctx, info.JID); !errors.Is(err, whatsmeow.ErrNotInGroup) {
		t.Errorf("GetGroupInfo = %v, want %v", err, whatsmeow.ErrNotInGroup)
	}
	other := bob.NewGroup("Other")
	if joined, err := c.JoinGroupWithLink(ctx, other.Invite()); err != nil || joined != other.JID() {
		t.Errorf("JoinGroupWithLink = %v, %v", joined, err)
	}
	wait(c, 1, func(e *events.JoinedGroup) bool { return e.JID == other.JID() && e.Reason == "invite" })
}
