package codechat

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"slices"
	"strings"
	"unicode/utf8"

	"pombal/internal/instance"
	"pombal/internal/media"
)

// Limits of what is said of a file, in characters, and of a form.
const (
	maxCaption = 1024
	maxParts   = 20
)

// mediaKinds are the words for kinds of media, as the document has them.
func mediaKinds() []string {
	return []string{
		string(instance.MediaImage), string(instance.MediaVideo), string(instance.MediaDocument),
		string(instance.MediaSticker), string(instance.MediaAudio),
	}
}

// sendMedia is POST /instance/:instanceId/send/media. It answers 201.
func (c *call) sendMedia() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	to := b.need("recipient", maxID)
	in := b.object("mediaMessage")
	m := instance.Media{Kind: in.mediaKind()}
	url := in.need("url", maxURL)
	m.Caption, m.FileName = orEmpty(in.text("caption", maxCaption)), orEmpty(in.text("fileName", maxID))
	opts := readOptions(b.object("options"), "quoteMessageById")
	if err := b.err(); err != nil {
		return err
	}
	return c.sendFrom(to, url, m, opts, "mediaMessage.")
}

// sendAudio is POST /instance/:instanceId/send/audio: recorded speech. It
// answers 201.
func (c *call) sendAudio() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	to := b.need("recipient", maxID)
	url := b.object("audioMessage").need("url", maxURL)
	opts := readOptions(b.object("options"), "quoteMessageById")
	if err := b.err(); err != nil {
		return err
	}
	return c.sendFrom(to, url, instance.Media{Kind: instance.MediaAudio, Voice: true}, opts, "audioMessage.")
}

// sendFrom sends the file at an address.
func (c *call) sendFrom(to, url string, m instance.Media, opts options, prefix string) error {
	if !c.in.Status.Phase.Online() {
		return instance.ErrNotConnected // before anything is fetched
	}
	file, err := c.door.Files.Fetch(c.ctx(), url)
	if err != nil {
		return renamed(err, "url", prefix+"url")
	}
	return c.sendFile(to, file, m, opts, prefix, "url")
}

// sendMediaFile is POST /instance/:instanceId/send/media-file, a form with the
// file in it. It answers 201.
func (c *call) sendMediaFile() error {
	b, attachment, err := c.readForm()
	if err != nil {
		return err
	}
	to := b.need("recipient", maxID)
	m := instance.Media{Kind: b.mediaKind()}
	m.Caption, m.FileName = orEmpty(b.text("caption", maxCaption)), orEmpty(b.text("fileName", maxID))
	opts := readOptions(b, "quoteMessageById")
	if err := b.err(); err != nil {
		return err
	}
	if !c.in.Status.Phase.Online() {
		return instance.ErrNotConnected
	}
	upload, err := attachment.Open()
	if err != nil {
		return fmt.Errorf("read an upload: %w", err)
	}
	file, err := c.door.Files.Take(c.ctx(), upload, attachment.Filename)
	if err = errors.Join(err, upload.Close()); err != nil {
		if file != nil {
			_ = file.Close() // err says more
		}
		return renamed(err, "file", "attachment")
	}
	return c.sendFile(to, file, m, opts, "", "attachment")
}

// sendFile sends a file, which it takes over. source is the property that the
// file came from.
func (c *call) sendFile(to string, file *media.File, m instance.Media, opts options, prefix, source string) error {
	m.File, m.MIME, m.Size = file, file.MIME, file.Size
	m.Seconds, m.Width, m.Height = file.Seconds, file.Width, file.Height
	if m.FileName = media.CleanName(m.FileName); m.FileName == "" {
		m.FileName = file.Name
	}
	sent, err := c.sendMessage(to, m, opts)
	if err != nil {
		return renamedAll(err, map[string]string{
			"file": prefix + source, "caption": prefix + "caption", "fileName": prefix + "fileName", "mediaType": prefix + "mediaType",
		})
	}
	return c.created(newSent(sent.Data, c.in.ID))
}

// closeFile lets go of a file that will not be sent.
func closeFile(content instance.Content) {
	if m, ok := content.(instance.Media); ok {
		_ = m.File.Close() // it is of no more use
	}
}

// mediaKind takes the kind of media, in either of the document's spellings.
func (b *body) mediaKind() instance.MediaKind {
	name := "mediaType"
	if !b.has(name) && b.has("mediatype") {
		name = "mediatype"
	}
	kind := b.choice(name, mediaKinds()...)
	if kind == "" && !b.has(name) {
		b.fault(name, "must be one of the following values: "+strings.Join(mediaKinds(), ", "))
	}
	return instance.MediaKind(kind)
}

// readForm reads a multipart form as if it were a JSON object, and finds the
// file in it.
func (c *call) readForm() (*body, *multipart.FileHeader, error) {
	form, err := c.MultipartForm()
	if err != nil {
		return nil, nil, bad("The body must be multipart/form-data")
	}
	b := &body{props: map[string]json.RawMessage{}, taken: map[string]bool{}, faults: new([]string)}
	parts := 0
	for name, values := range form.Value {
		parts += len(values)
		if len(values) > 1 {
			b.fault(clip(name), "must not occur twice")
			continue
		}
		if values[0] == "" {
			continue // an empty field of a form is one that was not filled in
		}
		if !utf8.ValidString(values[0]) {
			b.fault(clip(name), "must be UTF-8")
			continue
		}
		b.props[name] = formValue(name, values[0])
	}
	for _, files := range form.File {
		parts += len(files)
	}
	slices.Sort(*b.faults) // maps have no order
	if parts > maxParts {
		return nil, nil, bad(fmt.Sprintf("The form must have at most %d parts", maxParts))
	}
	switch files := form.File["attachment"]; len(files) {
	case 1:
		return b, files[0], nil
	case 0:
		b.fault("attachment", "should not be empty")
	default:
		b.fault("attachment", "must not occur twice")
	}
	return b, nil, nil
}

// formValue is a value of a form as JSON has it: numbers are bare there.
func formValue(name, value string) json.RawMessage {
	if name == "delay" && json.Valid([]byte(value)) {
		return json.RawMessage(value)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage(`""`) // no string fails to marshal
	}
	return raw
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
