package whatsapp_test

import (
	"context"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/types"

	"pombal/internal/event"
	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

// A message that cannot be read yet is told once, by what it has in common with
// the message itself, which follows when the sender or the phone has sent it
// again. Nothing happens to the connection.
func TestUndecryptableMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t, instancetest.Options{}, event.MessagesUpdate, event.MessagesUpsert)
	r.link()
	ctx, dials := context.Background(), r.Network.Dials()
	group := r.nina.NewGroup("Crew", r.phone)
	_, err := r.nina.SendGroupText(ctx, group, "hello all")
	r.must(err)
	r.eventually("the group", func() bool { return len(r.recorded(event.MessagesUpsert)) == 1 })
	for n, tc := range []struct {
		name string
		send func() (id string, err error)
	}{
		{"asked for at the sender's", func() (string, error) { return r.nina.SendGarbled(ctx, r.phone, "words one") }},
		{"asked for at our phone's", func() (string, error) {
			return r.nina.SendUnavailable(ctx, r.phone, "words two", "view_once")
		}},
		{"in a group", func() (string, error) {
			loseSenderKey(r, group, r.nina)
			return r.nina.SendGroupText(ctx, group, "words three")
		}},
	} {
		id, err := tc.send()
		r.must(err)
		r.eventually(tc.name+": the message", func() bool { return len(r.recorded(event.MessagesUpsert)) == n+2 })
		waits := r.recorded(event.MessagesUpdate)
		if len(waits) != n+1 {
			t.Fatalf("%s: %d messages.update, want one for each message", tc.name, len(waits))
		}
		wait, real := waits[n], r.recorded(event.MessagesUpsert)[n+1]
		got, want := dataOf[event.StatusData](t, wait), dataOf[event.MessageData](t, real)
		if got.Status != "PENDING" || got.Reason != event.ReasonUndecryptable || got.KeyID != id || got.MessageMessageID != nil {
			t.Errorf("%s: told %+v", tc.name, got)
		}
		if want.KeyID != id || want.KeyRemoteJID != got.KeyRemoteJID || !strings.Contains(string(want.Content), "words") {
			t.Errorf("%s: the message is %+v, announced as %+v", tc.name, want, got)
		}
		if want.IsGroup && got.KeyParticipant != nina {
			t.Errorf("%s: by %q", tc.name, got.KeyParticipant)
		}
		if wait.Seq >= real.Seq || strings.Contains(string(wait.Body), "words") {
			t.Errorf("%s: #%d says %s, the message is #%d", tc.name, wait.Seq, wait.Body, real.Seq)
		}
		r.eventually(tc.name+": both calls", func() bool {
			return strings.Count(r.names(), "messages.update") == n+1 && strings.Count(r.names(), "messages.upsert") == n+2
		})
	}
	if n := r.Network.Dials() - dials; n != 0 {
		t.Errorf("%d connections because of messages", n)
	}
}

// loseSenderKey makes the instance forget by which key a member writes to a group.
func loseSenderKey(r *rig, group *wasim.Group, member *wasim.Phone) {
	r.T.Helper()
	jid, err := types.ParseJID(r.Get(r.in.ID).WhatsApp.Device)
	r.must(err)
	device, err := r.Keys.Device(context.Background(), jid)
	r.must(err)
	r.must(device.SenderKeys.PutSenderKey(context.Background(), group.JID().String(), member.LID().SignalAddress().String(), []byte{}))
}
