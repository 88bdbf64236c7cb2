package instance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/problem"
	"pombal/internal/wasim"
)

// fileOf puts bytes into a file that is written over and closed by sending.
func fileOf(t *testing.T, content []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	return f
}

func (s sending) mustSendContent(to string, c instance.Content) instance.Sent {
	s.T.Helper()
	sent, err := s.Manager.Send(context.Background(), s.id, instance.SendParams{To: to, Content: c, ExternalAttributes: "order-551"})
	if err != nil {
		s.T.Fatalf("send %T: %v", c, err)
	}
	return sent
}

// Each kind of file arrives on the phone as the bytes it was, after real
// encryption on the way, and is told of with what it is.
func TestSendMedia(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	large := bytes.Repeat([]byte("0123456789abcdef"), 70_001) // no multiple of what is read at a time
	for _, tc := range []struct {
		name, kind, content string
		media               instance.Media
		bytes               []byte
	}{
		{"image", "imageMessage", `"caption":"receipt"`, instance.Media{Kind: instance.MediaImage, MIME: "image/png", Caption: " receipt ", Width: 3, Height: 2}, []byte("a picture")},
		{"video", "videoMessage", `"mimetype":"video/mp4"`, instance.Media{Kind: instance.MediaVideo, MIME: "video/mp4"}, large},
		{"voice", "audioMessage", `"PTT":true`, instance.Media{Kind: instance.MediaAudio, MIME: "audio/ogg; codecs=opus", Voice: true, Seconds: 4}, []byte("hm")},
		{"sound", "audioMessage", `"PTT":false`, instance.Media{Kind: instance.MediaAudio, MIME: "audio/mpeg", Voice: true}, []byte("la la")},
		{"sticker", "stickerMessage", `"mimetype":"image/webp"`, instance.Media{Kind: instance.MediaSticker, MIME: "image/webp"}, []byte("sticky")},
		{"document", "documentMessage", `"fileName":"order.pdf"`, instance.Media{Kind: instance.MediaDocument, MIME: "application/pdf", FileName: "order.pdf"}, []byte("%PDF-")},
		{"document with caption", "documentMessage", `"caption":"signed"`, instance.Media{Kind: instance.MediaDocument, MIME: "application/pdf", FileName: "order.pdf", Caption: "signed"}, []byte("%PDF-2")},
	} {
		file := fileOf(t, tc.bytes)
		tc.media.File, tc.media.Size = file, int64(len(tc.bytes))
		sent := s.mustSendContent(s.nina.Number(), tc.media)
		got, err := s.nina.File(sent.KeyID)
		if err != nil || !bytes.Equal(got, tc.bytes) {
			t.Errorf("%s: the phone has %d bytes, %v; want %d", tc.name, len(got), err, len(tc.bytes))
		}
		if copied, err := s.phone.File(sent.KeyID); err != nil || !bytes.Equal(copied, tc.bytes) {
			t.Errorf("%s: the own phone has %d bytes, %v", tc.name, len(copied), err)
		}
		d := sent.Data
		if d.ContentType != tc.kind || !strings.Contains(string(d.Content), tc.content) ||
			!strings.Contains(string(d.Content), fmt.Sprintf(`"fileLength":"%d"`, len(tc.bytes))) || d.ExternalAttributes != "order-551" {
			t.Errorf("%s: %s %s", tc.name, d.ContentType, d.Content)
		}
		if err := file.Close(); err == nil {
			t.Errorf("%s: the file is still open", tc.name)
		}
		for _, of := range []event.Type{event.SendMessage, event.MessagesUpsert} {
			list := s.ofTypes(of)
			if last := data[event.SentData](t, list[len(list)-1]); last.KeyID != sent.KeyID || string(last.Content) != string(d.Content) {
				t.Errorf("%s: %s = %+v", tc.name, of, last)
			}
		}
	}
}

// What cannot be sent leaves nothing behind: no message, no event, no file.
func TestSendMediaRefused(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	send := func(m instance.Media) (*problem.Error, bool) {
		file := fileOf(t, []byte("x"))
		m.File, m.Size = file, max(m.Size, 1)
		_, err := s.Manager.Send(context.Background(), s.id, instance.SendParams{To: s.nina.Number(), Content: m})
		return problem.As(err), file.Close() != nil
	}
	for want, m := range map[string]instance.Media{
		"file":      {Kind: instance.MediaImage, MIME: "text/html"},
		"caption":   {Kind: instance.MediaAudio, MIME: "audio/mpeg", Caption: "x"},
		"fileName":  {Kind: instance.MediaDocument, MIME: "application/pdf"},
		"mediaType": {Kind: "hologram", MIME: "image/png"},
	} {
		if p, closed := send(m); p == nil || p.Kind != problem.Invalid || len(p.Fields) != 1 || p.Fields[0].Name != want || !closed {
			t.Errorf("%s: %+v, closed %v", want, p, closed)
		}
	}
	if p, _ := send(instance.Media{Kind: instance.MediaSticker, MIME: "image/webp", Size: 2 << 20}); p == nil || p.Fields[0].Text.Key != "error.media_large" {
		t.Errorf("a sticker of 2 MiB: %+v", p)
	}
	good := instance.Media{Kind: instance.MediaImage, MIME: "image/png"}
	s.Network.SetFaults(wasim.Faults{MediaStatus: 500})
	if p, closed := send(good); p == nil || p.Text.Key != "error.media_upload" || !closed {
		t.Errorf("the media host fails: %+v", p)
	}
	s.Network.SetFaults(wasim.Faults{SendError: 463})
	if p, closed := send(good); p == nil || p.Text.Key != "error.reachout_locked" || !closed {
		t.Errorf("463: %+v", p)
	}
	s.Network.SetFaults(wasim.Faults{MediaStatus: 500})
	if p, _ := send(good); p == nil || p.Text.Key != "error.reachout_locked" {
		t.Errorf("while locked a file is uploaded for nothing: %+v", p)
	}
	if n := len(s.ofTypes(event.SendMessage)); n != 0 {
		t.Errorf("%d messages recorded", n)
	}
	if n := len(s.nina.Inbox()); n != 0 {
		t.Errorf("the phone got %d messages", n)
	}
}

// Messages about other messages name them as phones do, in chats of two and in
// groups, and are told of as what they are.
func TestSendAboutMessages(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	ctx := context.Background()
	chat := s.nina.JID().String()
	first := s.mustSend("order reddy")
	theirs, err := s.nina.SendText(ctx, s.phone, "thanks")
	if err != nil {
		t.Fatal(err)
	}
	s.Until("the answer", func() bool { return len(s.ofTypes(event.MessagesUpsert)) == 2 })

	reaction := s.mustSendContent(chat, instance.Reaction{Target: instance.Target{KeyID: theirs}, Emoji: "👍🏽"})
	got := s.nina.Message(reaction.KeyID).GetReactionMessage()
	if got.GetText() != "👍🏽" || got.GetKey().GetID() != theirs || got.GetKey().GetFromMe() || reaction.Data.ContentType != "reactionMessage" {
		t.Errorf("reaction = %v; %+v", got, reaction.Data)
	}
	gone := s.mustSendContent(chat, instance.Reaction{Target: instance.Target{KeyID: first.KeyID, FromMe: true}})
	if got := s.nina.Message(gone.KeyID).GetReactionMessage(); got.GetText() != "" || !got.GetKey().GetFromMe() || got.GetKey().GetID() != first.KeyID {
		t.Errorf("reaction taken away = %v", got)
	}
	edit := s.mustSendContent(chat, instance.Edit{KeyID: first.KeyID, Text: " order ready "})
	protocol := s.nina.Message(edit.KeyID).GetEditedMessage().GetMessage().GetProtocolMessage()
	if protocol.GetKey().GetID() != first.KeyID || protocol.GetEditedMessage().GetConversation() != "order ready" {
		t.Errorf("edit = %v", protocol)
	}
	if edit.Data.ContentType != "protocolMessage" || !strings.Contains(string(edit.Data.Content), `"type":"MESSAGE_EDIT"`) {
		t.Errorf("edit told as %s %s", edit.Data.ContentType, edit.Data.Content)
	}
	revoke := s.mustSendContent(chat, instance.Revoke{Target: instance.Target{KeyID: first.KeyID, FromMe: true}})
	if p := s.nina.Message(revoke.KeyID).GetProtocolMessage(); p.GetKey().GetID() != first.KeyID || p.GetType().String() != "REVOKE" {
		t.Errorf("revoke = %v", p)
	}

	picture := s.mustSendContent(chat, instance.Media{
		Kind: instance.MediaImage, MIME: "image/png", Size: 9, File: fileOf(t, []byte("a picture")), Caption: "see",
	})
	otto := s.Network.NewPhone("4915112340003", "Otto")
	for _, of := range []instance.Sent{first, picture} {
		sent := s.mustSendContent(otto.Number(), instance.Forward{ContentType: of.Data.ContentType, Content: of.Data.Content})
		m := otto.Message(sent.KeyID)
		if !m.GetExtendedTextMessage().GetContextInfo().GetIsForwarded() && !m.GetImageMessage().GetContextInfo().GetIsForwarded() {
			t.Errorf("forwarded = %v", m)
		}
		if m.ImageMessage == nil && m.GetExtendedTextMessage().GetText() != "order reddy" {
			t.Errorf("forwarded text = %v", m)
		}
		if m.ImageMessage != nil {
			if got, err := otto.File(sent.KeyID); err != nil || string(got) != "a picture" || m.ImageMessage.GetCaption() != "see" {
				t.Errorf("forwarded picture = %q, %v", got, err)
			}
		}
	}

	group := s.nina.NewGroup("Crew", s.phone)
	s.Until("the group", func() bool { return len(s.ofTypes(event.GroupsUpsert)) == 1 })
	inGroup, err := s.nina.SendGroupText(ctx, group, "all aboard")
	if err != nil {
		t.Fatal(err)
	}
	reaction = s.mustSendContent(group.JID().String(), instance.Reaction{
		Target: instance.Target{KeyID: inGroup, Author: s.nina.LID().String()}, Emoji: "⚓",
	})
	if key := s.nina.Message(reaction.KeyID).GetReactionMessage().GetKey(); key.GetParticipant() != s.nina.LID().String() || key.GetFromMe() {
		t.Errorf("reaction in a group names %v", key)
	}
}

func TestSendPlacesCardsAndLinks(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	to := s.nina.Number()
	place := s.mustSendContent(to, instance.Location{Latitude: -23.55, Longitude: -46.63, Name: "Loja", Address: "Rua A, 1"})
	if l := s.nina.Message(place.KeyID).GetLocationMessage(); l.GetDegreesLatitude() != -23.55 || l.GetName() != "Loja" || l.GetAddress() != "Rua A, 1" {
		t.Errorf("location = %v", l)
	}
	card := s.mustSendContent(to, instance.Contacts{{Name: "Otto; \"K\", Ltda", Phone: "+49 1511 2340003"}})
	want := "BEGIN:VCARD\nVERSION:3.0\nN:;Otto\\; \"K\"\\, Ltda;;;\nFN:Otto\\; \"K\"\\, Ltda\nTEL;type=CELL;type=VOICE;waid=4915112340003:+4915112340003\nEND:VCARD"
	if c := s.nina.Message(card.KeyID).GetContactMessage(); c.GetVcard() != want || c.GetDisplayName() != `Otto; "K", Ltda` {
		t.Errorf("contact = %q", c.GetVcard())
	}
	both := s.mustSendContent(to, instance.Contacts{{Name: "A", Phone: "4915112340003"}, {Name: "B", Phone: "5521998880002", User: "552198880002"}})
	if list := s.nina.Message(both.KeyID).GetContactsArrayMessage().GetContacts(); len(list) != 2 || !strings.Contains(list[1].GetVcard(), "waid=552198880002:+5521998880002") {
		t.Errorf("contacts = %v", list)
	}
	picture := []byte{0xFF, 0xD8, 0xFF, 0xE0}
	link := s.mustSendContent(to, instance.LinkPreview{Link: "https://example.com/a?b=1", Title: "Offer", Text: "See this", Thumbnail: picture})
	if x := s.nina.Message(link.KeyID).GetExtendedTextMessage(); x.GetText() != "See this\nhttps://example.com/a?b=1" || x.GetTitle() != "Offer" ||
		x.GetMatchedText() != "https://example.com/a?b=1" || !bytes.Equal(x.GetJPEGThumbnail(), picture) {
		t.Errorf("link = %v", x)
	}
	for want, c := range map[string]instance.Content{
		"latitude": instance.Location{Latitude: 91}, "longitude": instance.Location{Longitude: -181},
		"contacts": instance.Contacts{}, "contacts.0.name": instance.Contacts{{Phone: "4915112340003"}},
		"contacts.0.phone": instance.Contacts{{Name: "A", Phone: "12"}}, "contacts.0.user": instance.Contacts{{Name: "A", Phone: "4915112340003", User: "x"}},
		"link": instance.LinkPreview{Link: "ftp://x", Title: "x"}, "title": instance.LinkPreview{Link: "https://x.example"},
		"thumbnail": instance.LinkPreview{Link: "https://x.example", Title: "x", Thumbnail: []byte("GIF89a")},
		"reaction":  instance.Reaction{Target: instance.Target{KeyID: "3EB0"}, Emoji: "ok"},
		"message":   instance.Forward{ContentType: "protocolMessage", Content: []byte("{}")}, "text": instance.Edit{KeyID: "3EB0"},
	} {
		_, err := s.Manager.Send(context.Background(), s.id, instance.SendParams{To: to, Content: c})
		if p := problem.As(err); p == nil || p.Kind != problem.Invalid || len(p.Fields) != 1 || p.Fields[0].Name != want {
			t.Errorf("%s: %+v", want, p)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{Clock: instancetest.NewClock()}) // on which nothing is regained
	ctx := context.Background()
	found, err := s.Manager.Numbers(ctx, s.id, []string{"+55 21 99888-0002", "5521900000000", s.nina.Number()})
	if err != nil {
		t.Fatal(err)
	}
	nina := instance.Number{JID: s.nina.JID().String(), LID: s.nina.LID().String(), Exists: true}
	if want := []instance.Number{nina, {JID: "5521900000000@s.whatsapp.net"}, nina}; !slices.Equal(found, want) {
		t.Errorf("numbers = %+v, want %+v", found, want)
	}
	for want, list := range map[string][]string{
		"numbers": nil, "numbers.1": {"5521998880002", "x"}, "numbers.0": {"120363041234567890@g.us"},
	} {
		if _, err := s.Manager.Numbers(ctx, s.id, list); problem.As(err) == nil || problem.As(err).Fields[0].Name != want {
			t.Errorf("%v: %v, want %s", list, err, want)
		}
	}
	many := make([]string, instance.MaxNumbers)
	for i := range many {
		many[i] = fmt.Sprintf("55219000%05d", i)
	}
	_, first := s.Manager.Numbers(ctx, s.id, many)
	_, second := s.Manager.Numbers(ctx, s.id, many)
	if p := problem.As(second); first != nil || p == nil || p.Kind != problem.TooMany || p.RetryAfter <= 0 {
		t.Errorf("many numbers: %v, then %v; want TooMany", first, second)
	}
	other := s.Create("other").ID
	if _, err := s.Manager.Numbers(ctx, other, many[:1]); !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("not linked: %v", err)
	}
}

// Reading is told to whoever wrote, once for each chat and author.
func TestMarkRead(t *testing.T) {
	t.Parallel()
	s := newSending(t, instancetest.Options{})
	ctx := shortly(t)
	var ids []string
	for _, text := range []string{"one", "two"} {
		id, err := s.nina.SendText(ctx, s.phone, text)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	group := s.nina.NewGroup("Crew", s.phone)
	inGroup, err := s.nina.SendGroupText(ctx, group, "all aboard")
	if err != nil {
		t.Fatal(err)
	}
	s.Until("the messages", func() bool { return len(s.ofTypes(event.MessagesUpsert)) == 3 })
	// Nina's name travels beside her messages and may come at any time.
	named := func(ev event.Event) bool { return ev.Type == event.ContactsUpdate }
	before := len(slices.DeleteFunc(s.Events(s.id), named))
	err = s.Manager.MarkRead(ctx, s.id, []instance.Read{
		{Chat: s.nina.JID().String(), KeyIDs: ids},
		{Chat: group.JID().String(), Author: s.nina.LID().String(), KeyIDs: []string{inGroup}},
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func() (n int) {
		for _, r := range s.nina.Receipts() {
			if r.Type == "read" && slices.Contains(append(ids, inGroup), r.ID) {
				n++
			}
		}
		return n
	}
	for n := 1; read() < 3; n++ {
		if _, err := s.nina.WaitReceipts(ctx, n); err != nil {
			t.Fatalf("%v; receipts %+v", err, s.nina.Receipts())
		}
	}
	if after := len(slices.DeleteFunc(s.Events(s.id), named)); after != before {
		t.Errorf("reading recorded %d events; it is no news to the account's own programs", after-before)
	}
	for _, bad := range []instance.Read{{Chat: "status@broadcast", KeyIDs: ids}, {Chat: s.nina.JID().String()}, {Chat: s.nina.JID().String(), KeyIDs: []string{"<"}}} {
		if err := s.Manager.MarkRead(ctx, s.id, []instance.Read{bad}); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
