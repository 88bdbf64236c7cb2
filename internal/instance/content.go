package instance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pombal/internal/problem"
)

// Content is what a message says. The types below are all there are.
type Content interface {
	// check gives the content in one form and what is wrong with it.
	check() (Content, []problem.Field)
}

// Text is plain text: 1 to 4096 characters once white space around it is cut.
type Text string

// Media is a file. Its MIME must suit its Kind, see MediaTypes.
type Media struct {
	Kind     MediaKind
	File     File   // read from its start and written over; not nil until it is uploaded
	MIME     string // what was found in it
	Size     int64
	Caption  string // at most 1024 characters; not for audio and stickers
	FileName string // for documents, which must have one
	Voice    bool   // of audio: recorded speech; only Ogg Opus is shown as such
	Seconds  uint32 // how long it plays; 0: not known
	Width    uint32 // 0: not known
	Height   uint32
	Upload   Upload // where WhatsApp keeps it, once it is there
}

// File is a file on disk.
type File interface {
	io.ReadWriteSeeker
	io.WriterAt
	io.Closer
}

// Upload is a file on WhatsApp's media host, which holds it encrypted.
type Upload struct {
	URL, DirectPath        string
	Key, SHA256, EncSHA256 []byte
	Length                 uint64 // bytes before encryption
}

// MediaKind says how WhatsApp shows a file.
type MediaKind string

// The kinds of media.
const (
	MediaImage    MediaKind = "image"
	MediaVideo    MediaKind = "video"
	MediaAudio    MediaKind = "audio"
	MediaDocument MediaKind = "document"
	MediaSticker  MediaKind = "sticker"
)

// MediaTypes lists the MIME types that WhatsApp's clients show as a kind; none
// for documents, which may be anything.
func MediaTypes(k MediaKind) []string {
	switch k {
	case MediaImage:
		return []string{"image/jpeg", "image/png", "image/webp", "image/gif"}
	case MediaVideo:
		return []string{"video/mp4", "video/3gpp", "video/quicktime"}
	case MediaAudio:
		return []string{voiceType, "audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", "video/mp4"}
	case MediaSticker:
		return []string{"image/webp"}
	default:
		return nil
	}
}

// voiceType is what WhatsApp's clients record speech in.
const voiceType = "audio/ogg; codecs=opus"

// Location is a place.
type Location struct {
	Latitude, Longitude float64 // degrees, ±90 and ±180
	Name                string  // at most 256 characters
	Address             string  // at most 512 characters
}

// Contacts are business cards: 1 to 20.
type Contacts []Contact

// Contact is a business card.
type Contact struct {
	Name  string // 1 to 100 characters
	Phone string // a number as people write it
	User  string // the digits of its WhatsApp account; empty: those of Phone
}

// LinkPreview is a text with a picture of what an address leads to. What is
// shown is the sender's word: nobody looks at the address.
type LinkPreview struct {
	Link        string // http or https
	Text        string // the link is added where it is not in it
	Title       string
	Description string
	Thumbnail   []byte // JPEG, at most 64 KiB; may be nil
}

// Forward is a message that somebody else wrote, or we did, as events show it.
// WhatsApp says of it that it was forwarded. A file is not uploaded again: it
// can be fetched as long as that of the first message.
type Forward struct {
	ContentType string // one of ForwardTypes
	Content     json.RawMessage
}

// ForwardTypes lists what can be forwarded.
func ForwardTypes() []string {
	return []string{
		"conversation", "extendedTextMessage", "imageMessage", "videoMessage", "audioMessage", "documentMessage",
		"stickerMessage", "locationMessage", "contactMessage", "contactsArrayMessage",
	}
}

// Target names a message that another one is about, of the chat that it is sent
// to.
type Target struct {
	KeyID  string // WhatsApp's id of it
	FromMe bool
	Author string // address of who wrote it, in a group; empty elsewhere
}

// Reaction puts an emoji on a message; an empty one takes it off.
type Reaction struct {
	Target Target
	Emoji  string
}

// Edit gives a text of our own another wording. WhatsApp takes that for about
// 20 minutes.
type Edit struct {
	KeyID string
	Text  string
}

// Revoke deletes a message for everyone.
type Revoke struct{ Target Target }

// Limits of contents.
const (
	maxCaption   = 1024
	maxFileName  = 120
	maxPlace     = 256
	maxAddressed = 512
	maxContacts  = 20
	maxFullName  = 100
	maxTitle     = 256
	maxThumbnail = 64 << 10
	maxSticker   = 1 << 20
	maxEmoji     = 16
)

func (t Text) check() (Content, []problem.Field) {
	clean, bad := cleanWords("text", string(t), maxText)
	if clean == "" && bad == nil {
		bad = wrong("text", "error.required")
	}
	return Text(clean), bad
}

// cleanWords trims a text for people and says what is wrong with it.
func cleanWords(name, text string, most int) (string, []problem.Field) {
	text = strings.TrimSpace(text)
	switch {
	case utf8.RuneCountInString(text) > most:
		return text, wrong(name, "error.text_long", "max", most)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return text, wrong(name, "error.text_invalid")
	}
	return text, nil
}

func wrong(name, key string, args ...any) []problem.Field {
	return []problem.Field{{Name: name, Text: problem.Text{Key: key, Args: args}}}
}

func (m Media) check() (Content, []problem.Field) {
	caption, bad := cleanWords("caption", m.Caption, maxCaption)
	m.Caption = caption
	name, badName := cleanWords("fileName", m.FileName, maxFileName)
	bad = append(bad, badName...)
	m.FileName = name
	types := MediaTypes(m.Kind)
	switch {
	case types == nil && m.Kind != MediaDocument:
		bad = append(bad, wrong("mediaType", "error.invalid")...)
	case types != nil && !slices.Contains(types, m.MIME):
		bad = append(bad, wrong("file", "error.media_kind", "kind", string(m.Kind), "found", m.MIME)...)
	case m.Kind == MediaSticker && m.Size > maxSticker:
		bad = append(bad, wrong("file", "error.media_large", "max", maxSticker>>20)...)
	case m.Kind == MediaDocument && m.FileName == "":
		bad = append(bad, wrong("fileName", "error.required")...)
	}
	if m.Caption != "" && (m.Kind == MediaAudio || m.Kind == MediaSticker) {
		bad = append(bad, wrong("caption", "error.media_caption")...)
	}
	if m.Kind == MediaAudio {
		if m.MIME == "video/mp4" { // the container is the same; the sender says that there is no picture
			m.MIME = "audio/mp4"
		}
		m.Voice = m.Voice && m.MIME == voiceType
	}
	return m, bad
}

func (l Location) check() (Content, []problem.Field) {
	var bad []problem.Field
	for _, c := range []struct {
		name       string
		value, max float64
	}{{"latitude", l.Latitude, 90}, {"longitude", l.Longitude, 180}} {
		if !(c.value >= -c.max && c.value <= c.max) { // NaN too
			bad = append(bad, wrong(c.name, "error.degrees", "max", int(c.max))...)
		}
	}
	name, badName := cleanWords("name", l.Name, maxPlace)
	address, badAddress := cleanWords("address", l.Address, maxAddressed)
	l.Name, l.Address = name, address
	return l, append(append(bad, badName...), badAddress...)
}

func (c Contacts) check() (Content, []problem.Field) {
	if len(c) == 0 || len(c) > maxContacts {
		return c, wrong("contacts", "error.contacts_count", "max", maxContacts)
	}
	clean := slices.Clone(c)
	var bad []problem.Field
	for i, contact := range clean {
		at := fmt.Sprintf("contacts.%d.", i)
		name, badName := cleanWords(at+"name", contact.Name, maxFullName)
		if name == "" && badName == nil {
			badName = wrong(at+"name", "error.required")
		}
		bad = append(bad, badName...)
		phone, ok := cleanRecipient(contact.Phone)
		if !ok || !strings.HasSuffix(phone, "@"+serverUser) {
			bad = append(bad, wrong(at+"phone", "error.recipient_invalid")...)
		}
		digits, _, _ := strings.Cut(phone, "@")
		user := digits
		if contact.User != "" {
			address, ok := cleanRecipient(contact.User)
			if !ok || !strings.HasSuffix(address, "@"+serverUser) {
				bad = append(bad, wrong(at+"user", "error.recipient_invalid")...)
			}
			user, _, _ = strings.Cut(address, "@")
		}
		clean[i] = Contact{Name: name, Phone: "+" + digits, User: user}
	}
	return clean, bad
}

func (l LinkPreview) check() (Content, []problem.Field) {
	u, err := url.Parse(l.Link)
	var bad []problem.Field
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || len(l.Link) > 2048 || !utf8.ValidString(l.Link) ||
		strings.ContainsFunc(l.Link, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		bad = wrong("link", "error.url_invalid")
	}
	for _, part := range []struct {
		name string
		text *string
		most int
	}{{"text", &l.Text, maxText}, {"title", &l.Title, maxTitle}, {"description", &l.Description, maxAddressed}} {
		clean, badPart := cleanWords(part.name, *part.text, part.most)
		*part.text = clean
		bad = append(bad, badPart...)
	}
	if l.Title == "" {
		bad = append(bad, wrong("title", "error.required")...)
	}
	if n := len(l.Thumbnail); n > maxThumbnail || n > 0 && !bytes.HasPrefix(l.Thumbnail, []byte{0xFF, 0xD8, 0xFF}) {
		bad = append(bad, wrong("thumbnail", "error.thumbnail_invalid", "max", maxThumbnail>>10)...)
	}
	if !strings.Contains(l.Text, l.Link) {
		l.Text = strings.TrimSpace(l.Text + "\n" + l.Link)
	}
	return l, bad
}

func (r Reaction) check() (Content, []problem.Field) {
	target, bad := r.Target.check()
	r.Target = target
	plain := func(c rune) bool {
		return unicode.IsLetter(c) || unicode.IsSpace(c) || unicode.IsControl(c) || c == utf8.RuneError
	}
	symbol := func(c rune) bool { return c > unicode.MaxASCII }
	if r.Emoji != "" && (utf8.RuneCountInString(r.Emoji) > maxEmoji || strings.ContainsFunc(r.Emoji, plain) || !strings.ContainsFunc(r.Emoji, symbol)) {
		bad = append(bad, wrong("reaction", "error.reaction_invalid")...)
	}
	return r, bad
}

func (e Edit) check() (Content, []problem.Field) {
	_, bad := Target{KeyID: e.KeyID, FromMe: true}.check()
	text, badText := Text(e.Text).check()
	if clean, ok := text.(Text); ok {
		e.Text = string(clean)
	}
	return e, append(bad, badText...)
}

func (r Revoke) check() (Content, []problem.Field) {
	target, bad := r.Target.check()
	return Revoke{Target: target}, bad
}

func (f Forward) check() (Content, []problem.Field) {
	if !slices.Contains(ForwardTypes(), f.ContentType) || !json.Valid(f.Content) {
		return f, wrong("message", "error.forward_invalid")
	}
	return f, nil
}

func (t Target) check() (Target, []problem.Field) {
	author, ok := cleanRecipient(t.Author)
	if !isKeyID(t.KeyID) || !ok && t.Author != "" {
		return t, wrong("message", "error.quoted_invalid")
	}
	if t.Author != "" {
		t.Author = author
	}
	return t, nil
}
