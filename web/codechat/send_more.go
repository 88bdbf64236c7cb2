package codechat

import (
	"encoding/base64"
	"fmt"
	"strings"

	"pombal/internal/instance"
)

// maxCards is how many business cards a message may have.
const maxCards = 20

// sendLocation is POST /instance/:instanceId/send/location. It answers 201.
func (c *call) sendLocation() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	in := b.object("locationMessage")
	place := instance.Location{
		Latitude: in.float("latitude"), Longitude: in.float("longitude"),
		Name: orEmpty(in.text("name", maxBodyText)), Address: orEmpty(in.text("address", maxBodyText)),
	}
	return c.sendPlain(b, place, under("locationMessage.", "latitude", "longitude", "name", "address"))
}

// sendContact is POST /instance/:instanceId/send/contact. It answers 201.
func (c *call) sendContact() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	names := map[string]string{"contacts": "contactMessage"}
	var cards instance.Contacts
	for i, card := range b.objects("contactMessage", maxCards) {
		cards = append(cards, instance.Contact{
			Name: card.need("fullName", maxBodyText), Phone: card.need("phoneNumber", maxID), User: orEmpty(card.text("wuid", maxID)),
		})
		for ours, theirs := range map[string]string{"name": "fullName", "phone": "phoneNumber", "user": "wuid"} {
			names[fmt.Sprintf("contacts.%d.%s", i, ours)] = fmt.Sprintf("contactMessage.%d.%s", i, theirs)
		}
	}
	return c.sendPlain(b, cards, names)
}

// sendLinkPreview is POST /instance/:instanceId/send/link-preview. It answers
// 201.
func (c *call) sendLinkPreview() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	in := b.object("linkPreview")
	link := instance.LinkPreview{
		Link: in.need("link", maxURL), Title: in.need("title", maxBodyText),
		Description: orEmpty(in.text("description", maxBodyText)), Text: orEmpty(in.text("text", maxBodyText)),
	}
	if text := orEmpty(in.text("jpegThumbnail", maxPicture)); text != "" {
		link.Thumbnail, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "data:image/jpeg;base64,"))
		if err != nil {
			in.fault("jpegThumbnail", "must be base64 of a JPEG picture")
		}
	}
	names := under("linkPreview.", "link", "title", "description", "text")
	names["thumbnail"] = "linkPreview.jpegThumbnail"
	return c.sendPlain(b, link, names)
}

// maxPicture bounds the text of a picture: base64 of what a preview may have.
const maxPicture = 100_000

// under gives names their place in a body.
func under(prefix string, names ...string) map[string]string {
	all := make(map[string]string, len(names))
	for _, name := range names {
		all[name] = prefix + name
	}
	return all
}

// sendPlain sends a content that was read from a body, with the recipient and
// the options of the same body. names are the body's words for what the content
// calls otherwise. It answers 201.
func (c *call) sendPlain(b *body, content instance.Content, names map[string]string) error {
	to := b.need("recipient", maxID)
	opts := readOptions(b.object("options"), "quoteMessageById")
	if err := b.err(); err != nil {
		return err
	}
	sent, err := c.sendMessage(to, content, opts)
	if err != nil {
		return renamedAll(err, names)
	}
	return c.created(newSent(sent.Data, c.in.ID))
}
