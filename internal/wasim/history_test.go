package wasim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/wasim"
)

// chatOf makes a chat with n messages, one a minute, the last one an hour ago.
func chatOf(jid types.JID, n int) wasim.HistoryChat {
	chat := wasim.HistoryChat{JID: jid, Name: "Chat with " + jid.User, Unread: 2}
	begin := time.Now().Add(-time.Hour - time.Duration(n)*time.Minute).Truncate(time.Second)
	for i := range n {
		chat.Messages = append(chat.Messages, wasim.HistoryMessage{
			ID: fmt.Sprintf("%s-%d", jid.User, i), Text: fmt.Sprint("text ", i), FromMe: i%2 == 0, Time: begin.Add(time.Duration(i) * time.Minute),
		})
	}
	return chat
}

func TestSendHistory(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob, eva := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob"), s.NewPhone("5511900000003", "Eva")
	c, jid := pair(t, s, ana)
	ctx := ctxFor(t)
	err := ana.SendHistory(ctx, wasim.HistoryOptions{Chats: []wasim.HistoryChat{chatOf(bob.JID(), 30), chatOf(eva.JID(), 3)}, Chunks: 2})
	if err != nil {
		t.Fatal(err)
	}
	first := wait[*events.HistorySync](c, 1, nil)
	if got := first.Data.GetConversations(); len(got) != 1 || len(got[0].GetMessages()) != 30 || first.Data.GetProgress() != 50 {
		t.Errorf("first chunk = %d chats, progress %d", len(got), first.Data.GetProgress())
	}
	m, err := c.ParseWebMessage(bob.JID(), first.Data.GetConversations()[0].GetMessages()[0].GetMessage())
	if err != nil || m.Message.GetConversation() != "text 29" || m.Info.IsFromMe {
		t.Errorf("newest message = %+v, %v", m, err)
	}
	wait(c, 1, func(h *events.HistorySync) bool { return h.Data.GetChunkOrder() == 2 && h.Data.GetProgress() == 100 })
	if err := s.WaitDeletedMedia(ctx, 2); err != nil {
		t.Errorf("the client has deleted %d blobs, want 2: %v", s.DeletedMedia(), err)
	}
	if err := ana.SendHistory(ctx, wasim.HistoryOptions{Kind: "PUSH_NAME", PushNames: true, Device: jid}); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(h *events.HistorySync) bool {
		return h.Data.GetSyncType() == waHistorySync.HistorySync_PUSH_NAME && len(h.Data.GetPushnames()) == 3
	})
	if err := ana.SendHistory(ctx, wasim.HistoryOptions{Kind: "GOSSIP"}); err == nil {
		t.Error("SendHistory of an unknown kind: no error")
	}

	// Older messages on demand: from the tenth on backwards, five of them.
	ten := chatOf(bob.JID(), 30).Messages[10]
	request := c.BuildHistorySyncRequest(&types.MessageInfo{
		MessageSource: types.MessageSource{Chat: bob.JID(), IsFromMe: ten.FromMe}, ID: ten.ID, Timestamp: ten.Time,
	}, 5)
	if _, err := c.SendPeerMessage(ctx, request); err != nil {
		t.Fatal(err)
	}
	older := wait(c, 1, func(h *events.HistorySync) bool { return h.Data.GetSyncType() == waHistorySync.HistorySync_ON_DEMAND })
	got := older.Data.GetConversations()[0].GetMessages()
	if len(got) != 5 || got[0].GetMessage().GetKey().GetID() != bob.Number()+"-9" || got[4].GetMessage().GetKey().GetID() != bob.Number()+"-5" {
		t.Errorf("older messages = %v", got)
	}
}

func TestHistoryOnLink(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	list := []wasim.HistoryOptions{{Chats: []wasim.HistoryChat{chatOf(bob.JID(), 2)}}, {Kind: "PUSH_NAME", PushNames: true}}
	if code := call(t, s.Control(), "POST", "/phones/5511900000001/onlink", list, nil); code != 200 {
		t.Fatalf("onlink = %d", code)
	}
	c, _ := pair(t, s, ana)
	wait(c, 1, func(h *events.HistorySync) bool { return len(h.Data.GetConversations()) == 1 })
	wait(c, 1, func(h *events.HistorySync) bool { return len(h.Data.GetPushnames()) == 2 })
	if err := s.WaitDeletedMedia(ctxFor(t), 2); err != nil {
		t.Error(err)
	}
}

// A client that fetches by hand sees dead links and blobs that swell.
func TestHistoryFetchedByHand(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, _ := pair(t, s, ana)
	c.ManualHistorySyncDownload = true
	ctx := ctxFor(t)
	notice := func(o wasim.HistoryOptions) *waE2E.HistorySyncNotification {
		t.Helper()
		o.Kind, o.Chats = "RECENT", []wasim.HistoryChat{chatOf(bob.JID(), 1)}
		before := notices(c)
		if err := ana.SendHistory(ctx, o); err != nil {
			t.Fatal(err)
		}
		m := wait(c, before+1, isNotice)
		return m.Message.GetProtocolMessage().GetHistorySyncNotification()
	}
	dead := notice(wasim.HistoryOptions{Life: -time.Second})
	if _, err := c.DownloadHistorySync(ctx, dead, true); !errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith410) {
		t.Errorf("DownloadHistorySync of a dead link = %v, want %v", err, whatsmeow.ErrMediaDownloadFailedWith410)
	}
	const size = 8 << 20
	swollen := notice(wasim.HistoryOptions{InflateTo: size})
	if swollen.GetFileLength() > size/100 {
		t.Errorf("the blob has %d bytes on the wire, want less than a hundredth of %d", swollen.GetFileLength(), size)
	}
	h, err := c.DownloadHistorySync(ctx, swollen, true)
	if err != nil || len(h.ProtoReflect().GetUnknown()) < size-1000 || len(h.GetConversations()) != 1 {
		t.Errorf("DownloadHistorySync = %d unknown bytes, %v", len(h.ProtoReflect().GetUnknown()), err)
	}
}

func isNotice(m *events.Message) bool {
	return m.Message.GetProtocolMessage().GetHistorySyncNotification() != nil
}

func notices(c *client) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, e := range c.seen {
		if m, ok := e.(*events.Message); ok && isNotice(m) {
			n++
		}
	}
	return n
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	const n = 500
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	c.Disconnect()
	if err := s.WaitOffline(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := bob.SendText(ctxFor(t), ana, fmt.Sprint("backlog ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.OfflineSyncPreview) bool { return e.Messages >= n })
	wait(c, n, func(m *events.Message) bool { return !m.Info.IsFromMe })
	wait(c, 1, func(e *events.OfflineSyncCompleted) bool { return e.Count >= n })
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i := 0
	for _, e := range c.seen {
		m, ok := e.(*events.Message)
		if !ok || m.Info.IsFromMe {
			continue
		}
		if want := fmt.Sprint("backlog ", i); m.Message.GetConversation() != want {
			t.Fatalf("message %d = %q, want %q", i, m.Message.GetConversation(), want)
		}
		i++
	}
}

func TestFrontPage(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{Revision: 1_050_000_000})
	ask := func(limit time.Duration) (uint32, error) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		v, err := whatsmeow.GetLatestVersion(ctx, s.HTTPClient())
		if err != nil {
			return 0, err
		}
		return v[2], nil
	}
	for _, tc := range []struct {
		name string
		page wasim.FrontPage
		want uint32 // 0: an error
	}{
		{"good", wasim.FrontPage{}, 1_050_000_000},
		{"lower", wasim.FrontPage{Revision: "1"}, 1},
		{"absurd", wasim.FrontPage{Revision: "99999999999999999999999"}, 0},
		{"without number", wasim.FrontPage{NoNumber: true}, 0},
		{"large", wasim.FrontPage{Size: 1 << 20}, 1_050_000_000},
		{"status 500", wasim.FrontPage{Status: http.StatusInternalServerError}, 0},
		{"hang", wasim.FrontPage{Hang: true}, 0},
	} {
		call(t, s.Control(), "POST", "/front", tc.page, nil)
		limit := waitTime
		if tc.page.Hang {
			limit = 50 * time.Millisecond
		}
		if got, err := ask(limit); got != tc.want || (err != nil) != (tc.want == 0) {
			t.Errorf("%s: %d, %v; want %d", tc.name, got, err, tc.want)
		}
	}
	if got := s.FrontPageRequests(); got != 7 {
		t.Errorf("requests = %d, want 7", got)
	}
}
