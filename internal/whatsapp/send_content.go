package whatsapp

import (
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"pombal/internal/instance"
)

// outgoingMessage is what WhatsApp's own clients send.
func (s *session) outgoingMessage(p instance.SendParams, to types.JID) (*waE2E.Message, error) {
	about := quoteContext(p.Quote, to)
	switch c := p.Content.(type) {
	case instance.Text:
		return textMessage(string(c), about), nil
	case instance.Media:
		return mediaMessage(c, about)
	case instance.Location:
		return &waE2E.Message{LocationMessage: &waE2E.LocationMessage{
			DegreesLatitude: proto.Float64(c.Latitude), DegreesLongitude: proto.Float64(c.Longitude),
			Name: orNil(c.Name), Address: orNil(c.Address), ContextInfo: about,
		}}, nil
	case instance.Contacts:
		return contactMessage(c, about), nil
	case instance.LinkPreview:
		return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
			Text: proto.String(c.Text), MatchedText: proto.String(c.Link), Title: orNil(c.Title),
			Description: orNil(c.Description), JPEGThumbnail: c.Thumbnail,
			PreviewType: waE2E.ExtendedTextMessage_NONE.Enum(), ContextInfo: about,
		}}, nil
	case instance.Reaction:
		author, err := authorOf(c.Target, to)
		if err != nil {
			return nil, err
		}
		return s.client.BuildReaction(to, author, c.Target.KeyID, c.Emoji), nil
	case instance.Edit:
		return s.client.BuildEdit(to, c.KeyID, textMessage(c.Text, nil)), nil
	case instance.Forward:
		return forwardMessage(c)
	case instance.Revoke:
		author, err := authorOf(c.Target, to)
		if err != nil {
			return nil, err
		}
		return s.client.BuildRevoke(to, author, c.Target.KeyID), nil
	default:
		return nil, fmt.Errorf("cannot send %T", p.Content)
	}
}

// authorOf is who wrote a message, as the library's keys of messages want it:
// empty for our own, the chat itself where it is with one person.
func authorOf(t instance.Target, chat types.JID) (types.JID, error) {
	switch {
	case t.FromMe:
		return types.EmptyJID, nil
	case t.Author == "":
		return chat, nil
	}
	jid, err := types.ParseJID(t.Author)
	if err != nil {
		return types.EmptyJID, fmt.Errorf("author of a message: %w", err)
	}
	return jid, nil
}

// quoteContext names the message that is answered; nil when there is none.
func quoteContext(q *instance.Quote, to types.JID) *waE2E.ContextInfo {
	if q == nil {
		return nil
	}
	author := q.Author
	if author == "" {
		author = to.String()
	}
	return &waE2E.ContextInfo{
		StanzaID: proto.String(q.KeyID), Participant: proto.String(author),
		QuotedMessage: &waE2E.Message{Conversation: proto.String(q.Text)},
	}
}

// textMessage is plain text alone, or with the message it answers.
func textMessage(text string, about *waE2E.ContextInfo) *waE2E.Message {
	if about == nil {
		return &waE2E.Message{Conversation: proto.String(text)}
	}
	return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String(text), ContextInfo: about}}
}

// mediaMessage is the message of a file that is on the media host.
func mediaMessage(m instance.Media, about *waE2E.ContextInfo) (*waE2E.Message, error) {
	u := m.Upload
	url, path, length, kind := proto.String(u.URL), proto.String(u.DirectPath), proto.Uint64(u.Length), proto.String(m.MIME)
	switch m.Kind {
	case instance.MediaImage:
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
			URL: url, DirectPath: path, MediaKey: u.Key, FileSHA256: u.SHA256, FileEncSHA256: u.EncSHA256, FileLength: length,
			Mimetype: kind, Caption: orNil(m.Caption), Width: orZero(m.Width), Height: orZero(m.Height), ContextInfo: about,
		}}, nil
	case instance.MediaVideo:
		return &waE2E.Message{VideoMessage: &waE2E.VideoMessage{
			URL: url, DirectPath: path, MediaKey: u.Key, FileSHA256: u.SHA256, FileEncSHA256: u.EncSHA256, FileLength: length,
			Mimetype: kind, Caption: orNil(m.Caption), Seconds: orZero(m.Seconds), ContextInfo: about,
		}}, nil
	case instance.MediaAudio:
		return &waE2E.Message{AudioMessage: &waE2E.AudioMessage{
			URL: url, DirectPath: path, MediaKey: u.Key, FileSHA256: u.SHA256, FileEncSHA256: u.EncSHA256, FileLength: length,
			Mimetype: kind, PTT: proto.Bool(m.Voice), Seconds: orZero(m.Seconds), ContextInfo: about,
		}}, nil
	case instance.MediaSticker:
		return &waE2E.Message{StickerMessage: &waE2E.StickerMessage{
			URL: url, DirectPath: path, MediaKey: u.Key, FileSHA256: u.SHA256, FileEncSHA256: u.EncSHA256, FileLength: length,
			Mimetype: kind, Width: orZero(m.Width), Height: orZero(m.Height), ContextInfo: about,
		}}, nil
	case instance.MediaDocument:
		return documentMessage(&waE2E.DocumentMessage{
			URL: url, DirectPath: path, MediaKey: u.Key, FileSHA256: u.SHA256, FileEncSHA256: u.EncSHA256, FileLength: length,
			Mimetype: kind, Caption: orNil(m.Caption), FileName: orNil(m.FileName), Title: orNil(m.FileName), ContextInfo: about,
		}), nil
	default:
		return nil, fmt.Errorf("cannot send media %q", m.Kind)
	}
}

// documentMessage wraps a document that has a caption, as phones do: they show
// it only then.
func documentMessage(d *waE2E.DocumentMessage) *waE2E.Message {
	plain := &waE2E.Message{DocumentMessage: d}
	if d.Caption == nil {
		return plain
	}
	return &waE2E.Message{DocumentWithCaptionMessage: &waE2E.FutureProofMessage{Message: plain}}
}

// mediaType is the purpose that the keys of a kind of media are derived for.
func mediaType(k instance.MediaKind) whatsmeow.MediaType {
	switch k {
	case instance.MediaVideo:
		return whatsmeow.MediaVideo
	case instance.MediaAudio:
		return whatsmeow.MediaAudio
	case instance.MediaDocument:
		return whatsmeow.MediaDocument
	default: // stickers too
		return whatsmeow.MediaImage
	}
}

// contactMessage is one business card, or several together.
func contactMessage(list instance.Contacts, about *waE2E.ContextInfo) *waE2E.Message {
	cards := make([]*waE2E.ContactMessage, len(list))
	for i, c := range list {
		cards[i] = &waE2E.ContactMessage{DisplayName: proto.String(c.Name), Vcard: proto.String(vcard(c))}
	}
	if len(cards) == 1 {
		cards[0].ContextInfo = about
		return &waE2E.Message{ContactMessage: cards[0]}
	}
	return &waE2E.Message{ContactsArrayMessage: &waE2E.ContactsArrayMessage{
		DisplayName: proto.String(fmt.Sprintf("%d contacts", len(cards))), Contacts: cards, ContextInfo: about,
	}}
}

// vcard writes a business card (RFC 2426) with WhatsApp's parameter for the
// account behind a number.
func vcard(c instance.Contact) string {
	name := strings.NewReplacer(`\`, `\\`, "\r", "", "\n", `\n`, ",", `\,`, ";", `\;`).Replace(c.Name)
	return "BEGIN:VCARD\nVERSION:3.0\nN:;" + name + ";;;\nFN:" + name +
		"\nTEL;type=CELL;type=VOICE;waid=" + c.User + ":" + c.Phone + "\nEND:VCARD"
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func orZero(n uint32) *uint32 {
	if n == 0 {
		return nil
	}
	return &n
}

// shown is the message as those see it who get it: the library takes the same
// wrappings off what comes in.
func shown(m *waE2E.Message) *waE2E.Message {
	for _, inner := range []*waE2E.Message{m.GetEditedMessage().GetMessage(), m.GetDocumentWithCaptionMessage().GetMessage()} {
		if inner != nil {
			return inner
		}
	}
	return m
}
