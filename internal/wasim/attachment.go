package wasim

import (
	"context"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// Media is a file to send.
type Media struct {
	// Kind is "image", "video", "audio", "document" or "sticker".
	Kind    string `json:"kind"`
	Data    []byte `json:"data"`
	Mime    string `json:"mime"`
	Caption string `json:"caption,omitempty"` // images, videos and documents
	Name    string `json:"name,omitempty"`    // of a document
}

// mediaPurpose is the label under which the keys of a kind of media are derived.
func mediaPurpose(kind string) string {
	switch kind {
	case "image", "sticker":
		return "WhatsApp Image Keys"
	case "video":
		return "WhatsApp Video Keys"
	case "audio":
		return "WhatsApp Audio Keys"
	case "document":
		return "WhatsApp Document Keys"
	}
	return ""
}

// SendMedia uploads a file to the media host and sends it like [Phone.SendText].
func (p *Phone) SendMedia(ctx context.Context, to *Phone, m Media) (id string, err error) {
	msg, err := p.s.MediaMessage(m)
	if err != nil {
		return "", err
	}
	return p.Send(ctx, to, msg)
}

// MediaMessage uploads a file to the media host and makes the message for it, to
// be sent with [Phone.Send] or [Phone.SendGroup].
func (s *Server) MediaMessage(m Media) (*waE2E.Message, error) {
	purpose := mediaPurpose(m.Kind)
	if purpose == "" {
		return nil, fmt.Errorf("unknown kind of media %q", m.Kind)
	}
	f, err := s.putSealed(purpose, m.Data, 0)
	if err != nil {
		return nil, err
	}
	link := proto.String("https://" + mediaHost + f.path)
	switch m.Kind {
	case "image":
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
			URL: link, DirectPath: &f.path, MediaKey: f.key, FileSHA256: f.sha, FileEncSHA256: f.encSHA, FileLength: &f.length,
			Mimetype: &m.Mime, Caption: orNil(m.Caption),
		}}, nil
	case "video":
		return &waE2E.Message{VideoMessage: &waE2E.VideoMessage{
			URL: link, DirectPath: &f.path, MediaKey: f.key, FileSHA256: f.sha, FileEncSHA256: f.encSHA, FileLength: &f.length,
			Mimetype: &m.Mime, Caption: orNil(m.Caption),
		}}, nil
	case "audio":
		return &waE2E.Message{AudioMessage: &waE2E.AudioMessage{
			URL: link, DirectPath: &f.path, MediaKey: f.key, FileSHA256: f.sha, FileEncSHA256: f.encSHA, FileLength: &f.length,
			Mimetype: &m.Mime,
		}}, nil
	case "sticker":
		return &waE2E.Message{StickerMessage: &waE2E.StickerMessage{
			URL: link, DirectPath: &f.path, MediaKey: f.key, FileSHA256: f.sha, FileEncSHA256: f.encSHA, FileLength: &f.length,
			Mimetype: &m.Mime,
		}}, nil
	}
	return &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{
		URL: link, DirectPath: &f.path, MediaKey: f.key, FileSHA256: f.sha, FileEncSHA256: f.encSHA, FileLength: &f.length,
		Mimetype: &m.Mime, Caption: orNil(m.Caption), FileName: orNil(m.Name),
	}}, nil
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// attached is what all messages with a file have in common.
type attached interface {
	GetDirectPath() string
	GetMediaKey() []byte
	GetFileSHA256() []byte
}

// attachmentOf returns the file of a message and its kind, "" when it has none.
func attachmentOf(msg *waE2E.Message) (attached, string) {
	if inner := msg.GetDocumentWithCaptionMessage().GetMessage(); inner != nil {
		msg = inner
	}
	switch {
	case msg.ImageMessage != nil:
		return msg.ImageMessage, "image"
	case msg.VideoMessage != nil:
		return msg.VideoMessage, "video"
	case msg.AudioMessage != nil:
		return msg.AudioMessage, "audio"
	case msg.DocumentMessage != nil:
		return msg.DocumentMessage, "document"
	case msg.StickerMessage != nil:
		return msg.StickerMessage, "sticker"
	}
	return nil, ""
}

// mediaKind is the mediatype of a message's enc element, "" for those without.
func mediaKind(msg *waE2E.Message) string {
	_, kind := attachmentOf(msg)
	return kind
}

// stanzaKind is the type of a message's stanza.
func stanzaKind(msg *waE2E.Message) string {
	switch {
	case mediaKind(msg) != "":
		return "media"
	case msg.ReactionMessage != nil:
		return "reaction"
	case msg.PollCreationMessage != nil, msg.PollCreationMessageV3 != nil, msg.PollUpdateMessage != nil:
		return "poll"
	}
	return "text"
}

// Message returns a message that the phone has received, sent by anybody to it or
// as a copy by one of its companions; nil when there is none with that id.
func (p *Phone) Message(id string) *waE2E.Message {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.kept[id]
}

// keep files a message for [Phone.Message]. s.mu must be held.
func (p *Phone) keep(id string, msg *waE2E.Message) { p.kept[id] = msg }

// File fetches and decrypts the file of a message that the phone has received,
// and checks its hashes.
func (p *Phone) File(id string) ([]byte, error) {
	msg := p.Message(id)
	if msg == nil {
		return nil, ErrUnknownMessage
	}
	f, kind := attachmentOf(msg)
	if kind == "" {
		return nil, fmt.Errorf("message %s has no file", id)
	}
	return p.s.openSealed(mediaPurpose(kind), f.GetDirectPath(), f.GetMediaKey(), f.GetFileSHA256())
}
