package webtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/media"
	"pombal/internal/safehttp"
)

// SendText says that WhatsApp has taken the message.
func (f *Instances) SendText(ctx context.Context, id string, p instance.SendTextParams) (instance.Sent, error) {
	return f.Send(ctx, id, instance.SendParams{
		To: p.To, Content: instance.Text(p.Text), ID: p.ID, Quote: p.Quote, ExternalAttributes: p.ExternalAttributes,
	})
}

// Send says that WhatsApp has taken the message. The inputs are checked as they
// really are.
func (f *Instances) Send(_ context.Context, id string, p instance.SendParams) (instance.Sent, error) {
	if m, ok := p.Content.(instance.Media); ok {
		defer func() { _ = m.File.Close() }()
	}
	var sent instance.Sent
	_, err := f.change("send", id, func(in *instance.Instance) error {
		if !in.Status.Phase.Online() {
			return instance.ErrNotConnected
		}
		p, err := p.Clean()
		if err != nil {
			return err
		}
		kind, content := contentOf(p.Content)
		raw, err := json.Marshal(content)
		if err != nil {
			return err
		}
		f.next++
		at := time.Date(2026, 3, 2, 11, 16, 40, 310e6, time.UTC)
		key := p.ID
		if key == "" {
			key = fmt.Sprintf("3EB0A9C4D2E1F0B7A6C5%02d", f.next)
		}
		data := event.SentData{
			MessageData: event.MessageData{
				MessageID: fmt.Sprintf("m%d", f.next), KeyID: key, KeyFromMe: true, KeyRemoteJID: p.To,
				PushName: "Shop Front", ContentType: kind, Content: raw, Source: "api",
				MessageTimestamp: at.Unix(), CreatedAt: event.WireTime(at),
			},
			InstanceInstanceID: id, ExternalAttributes: p.ExternalAttributes,
		}
		sent = instance.Sent{MessageID: data.MessageID, KeyID: data.KeyID, Timestamp: at, Data: data}
		return nil
	})
	return sent, err
}

// contentOf is the kind of a content and the fields by which tests know it.
func contentOf(c instance.Content) (kind string, content any) {
	switch c := c.(type) {
	case instance.Text:
		return "extendedTextMessage", map[string]any{"text": c}
	case instance.Media:
		return string(c.Kind) + "Message", map[string]any{
			"mimetype": c.MIME, "caption": c.Caption, "fileName": c.FileName, "fileLength": fmt.Sprint(c.Size), "PTT": c.Voice,
		}
	case instance.Location:
		return "locationMessage", map[string]any{
			"degreesLatitude": c.Latitude, "degreesLongitude": c.Longitude, "name": c.Name, "address": c.Address,
		}
	case instance.Contacts:
		return "contactMessage", map[string]any{"displayName": c[0].Name, "phone": c[0].Phone, "waid": c[0].User}
	case instance.LinkPreview:
		return "extendedTextMessage", map[string]any{"text": c.Text, "matchedText": c.Link, "title": c.Title}
	case instance.Reaction:
		return "reactionMessage", map[string]any{"key": c.Target.KeyID, "fromMe": c.Target.FromMe, "text": c.Emoji}
	case instance.Edit:
		return "protocolMessage", map[string]any{"key": c.KeyID, "type": "MESSAGE_EDIT", "text": c.Text}
	case instance.Forward:
		return c.ContentType, c.Content
	case instance.Revoke:
		return "protocolMessage", map[string]any{"key": c.Target.KeyID, "type": "REVOKE"}
	default:
		return fmt.Sprintf("%T", c), nil
	}
}

// Numbers says that the numbers ending in an even digit have an account.
func (f *Instances) Numbers(_ context.Context, id string, numbers []string) ([]instance.Number, error) {
	var found []instance.Number
	_, err := f.change("numbers", id, func(in *instance.Instance) error {
		if !in.Status.Phase.Online() {
			return instance.ErrNotConnected
		}
		for _, n := range numbers {
			exists := strings.HasSuffix(n, "0") || strings.HasSuffix(n, "2")
			found = append(found, instance.Number{JID: n + "@s.whatsapp.net", Exists: exists})
		}
		return nil
	})
	return found, err
}

// MarkRead says that it was done.
func (f *Instances) MarkRead(_ context.Context, id string, reads []instance.Read) error {
	_, err := f.change("read", id, func(in *instance.Instance) error {
		if !in.Status.Phase.Online() {
			return instance.ErrNotConnected
		}
		f.reads = append(f.reads, reads...)
		return nil
	})
	return err
}

// Reads are the messages that were marked as read.
func (f *Instances) Reads() []instance.Read {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]instance.Read(nil), f.reads...)
}

// NewFiles makes a desk for files in a folder of the test. Its web has two
// files, /receipt.png and /page.html of any public host.
func NewFiles(t testing.TB) *media.Desk {
	t.Helper()
	desk, err := media.NewDesk(t.TempDir(), fakeWeb{})
	if err != nil {
		t.Fatalf("NewFiles: %v", err)
	}
	return desk
}

// PNG is a picture of one pixel.
const PNG = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"

type fakeWeb struct{}

// Get gives one of the two files.
func (fakeWeb) Get(_ context.Context, raw string, _ int64) (*safehttp.Download, error) {
	u, err := safehttp.CheckURL(raw)
	if err != nil {
		return nil, err
	}
	text, ok := map[string]string{"/receipt.png": PNG, "/page.html": "<!doctype html><title>Log in</title>"}[u.Path]
	if !ok {
		return nil, &safehttp.StatusError{Code: http.StatusNotFound}
	}
	return &safehttp.Download{
		Body: io.NopCloser(bytes.NewReader([]byte(text))), Header: http.Header{}, URL: &url.URL{Path: u.Path},
	}, nil
}
