package wasim_test

import (
	"bytes"
	"errors"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"pombal/internal/wasim"
)

// fileOf returns the part of a message that can be downloaded.
func fileOf(m *waE2E.Message) whatsmeow.DownloadableMessage {
	switch {
	case m.ImageMessage != nil:
		return m.ImageMessage
	case m.VideoMessage != nil:
		return m.VideoMessage
	case m.AudioMessage != nil:
		return m.AudioMessage
	case m.DocumentMessage != nil:
		return m.DocumentMessage
	}
	return m.StickerMessage
}

func TestMediaBothWays(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, _ := pair(t, s, ana)
	ctx, data := ctxFor(t), bytes.Repeat([]byte("picture"), 1000)
	for _, kind := range []string{"image", "video", "audio", "document", "sticker"} {
		id, err := bob.SendMedia(ctx, ana, wasim.Media{Kind: kind, Data: data, Mime: "application/octet-stream", Caption: "look", Name: "x.bin"})
		if err != nil {
			t.Fatalf("SendMedia %s: %v", kind, err)
		}
		m := wait(c, 1, func(m *events.Message) bool { return m.Info.ID == id })
		if m.Info.Type != "media" || m.Info.MediaType != kind {
			t.Errorf("%s: type %q, media type %q", kind, m.Info.Type, m.Info.MediaType)
		}
		if got, err := c.Download(ctx, fileOf(m.Message)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: Download = %d bytes, %v", kind, len(got), err)
		}
		if got, err := ana.File(id); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: File = %d bytes, %v", kind, len(got), err)
		}
	}
	up, err := c.Upload(ctx, data, whatsmeow.MediaImage)
	if err != nil {
		t.Fatalf("Upload: %v", err)
	}
	resp, err := c.SendMessage(ctx, bob.JID(), &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
		URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
		FileLength: &up.FileLength, Mimetype: proto.String("image/jpeg"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := bob.File(resp.ID); err != nil || !bytes.Equal(got, data) {
		t.Errorf("File = %d bytes, %v", len(got), err)
	}
}

// A dead link, the phone that uploads the file again, and a media host in trouble.
func TestDeadMedia(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, _ := pair(t, s, ana)
	ctx, data := ctxFor(t), []byte("a picture")
	id, err := bob.SendMedia(ctx, ana, wasim.Media{Kind: "image", Data: data, Mime: "image/jpeg"})
	if err != nil {
		t.Fatal(err)
	}
	s.ExpireMedia()
	m := wait(c, 1, func(m *events.Message) bool { return m.Info.ID == id })
	if _, err := c.Download(ctx, fileOf(m.Message)); !errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith410) {
		t.Errorf("Download = %v, want %v", err, whatsmeow.ErrMediaDownloadFailedWith410)
	}
	if err := c.SendMediaRetryReceipt(ctx, &m.Info, m.Message.ImageMessage.MediaKey); err != nil {
		t.Fatal(err)
	}
	again := wait(c, 1, func(e *events.MediaRetry) bool { return e.MessageID == id })
	retry, err := whatsmeow.DecryptMediaRetryNotification(again, m.Message.ImageMessage.MediaKey)
	if err != nil {
		t.Fatalf("DecryptMediaRetryNotification: %v", err)
	}
	m.Message.ImageMessage.DirectPath = retry.DirectPath
	if got, err := c.Download(ctx, m.Message.ImageMessage); err != nil || !bytes.Equal(got, data) {
		t.Errorf("Download after the retry = %d bytes, %v", len(got), err)
	}
	unknown := types.MessageInfo{MessageSource: m.Info.MessageSource, ID: "NONE"}
	if err := c.SendMediaRetryReceipt(ctx, &unknown, m.Message.ImageMessage.MediaKey); err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.MediaRetry) bool { return e.MessageID == "NONE" && e.Error != nil && e.Error.Code == 2 })
	s.SetFaults(wasim.Faults{MediaStatus: 403})
	if _, err := c.Download(ctx, fileOf(m.Message)); !errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith403) {
		t.Errorf("Download = %v, want %v", err, whatsmeow.ErrMediaDownloadFailedWith403)
	}
}
