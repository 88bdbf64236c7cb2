package codechat

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

// Lists of instances are written by hand: encoding/json checks and copies what
// every marshaller of a field gives it, which for the thousand times in a list
// of two hundred instances costs more than all the rest of the answer. A test
// holds these functions against encoding/json.

// jsonText is a list that grows by records.
type jsonText []byte

// typicalRecord is about how many bytes an instance has, its token included.
const typicalRecord = 1 << 10

// buffers are those of earlier lists: a new one of a quarter of a megabyte for
// each call would keep the garbage collector busy.
var buffers = sync.Pool{New: func() any { return new(jsonText) }}

// newList begins a list of n instances. Only sendJSON may keep it.
func newList(n int) jsonText {
	b := *buffers.Get().(*jsonText)
	return append(slices.Grow(b[:0], n*typicalRecord+512), '[')
}

// sendJSON answers with text that is JSON already, which must not be used
// afterwards.
func (c *call) sendJSON(b jsonText) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	c.Response().SetBody(b) // copies
	buffers.Put(&b)
	return nil
}

// comma goes before all records but the first.
func (b jsonText) comma() jsonText {
	if b[len(b)-1] == '[' {
		return b
	}
	return append(b, ',')
}

// text writes a field with a string. name brings its quotes, its colon and the
// comma before it.
func (b jsonText) text(name, value string) jsonText {
	return append(b, name...).quoted(value)
}

// quoted writes a string as encoding/json does.
func (b jsonText) quoted(s string) jsonText {
	for i := range len(s) {
		if !plain[s[i]] {
			raw, err := json.Marshal(s)
			if err != nil { // strings always have a form
				return append(b, `""`...)
			}
			return append(b, raw...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// plain are the bytes that encoding/json writes as they are, wherever they
// stand.
var plain = func() (table [256]bool) {
	for c := ' '; c <= '~'; c++ {
		table[c] = !strings.ContainsRune(`"\<>&`, c)
	}
	return table
}()

func (b jsonText) time(name string, t event.WireTime) jsonText {
	return t.AppendJSON(append(b, name...))
}

func (b jsonText) timeOrNull(name string, t *event.WireTime) jsonText {
	if t == nil {
		return append(append(b, name...), "null"...)
	}
	return b.time(name, *t)
}

func (b jsonText) orNull(name string, value *string) jsonText {
	if value == nil {
		return append(append(b, name...), "null"...)
	}
	return b.text(name, *value)
}

func (b jsonText) flag(name string, value bool) jsonText {
	return strconv.AppendBool(append(b, name...), value)
}

// instance writes an instance of version 2.
func (b jsonText) instance(j instanceJSON) jsonText {
	b = b.text(`{"instanceId":`, j.InstanceID).text(`,"name":`, j.Name).text(`,"state":`, j.State)
	b = b.text(`,"connection":`, j.Connection).time(`,"createdAt":`, j.CreatedAt).timeOrNull(`,"deletedAt":`, j.DeletedAt)
	b = b.text(`,"Auth":{"authId":`, j.Auth.AuthID).text(`,"jwt":`, j.Auth.JWT)
	b = b.time(`,"createdAt":`, j.Auth.CreatedAt).time(`,"updatedAt":`, j.Auth.UpdatedAt)
	b = append(b.whatsapp(`},"WhatsApp":`, j.WhatsApp), `,"Webhook":[`...)
	for _, h := range j.Webhook {
		b = b.comma().webhook(h)
	}
	b = b.text(`],"Business":{"businessId":`, j.Business.BusinessID).text(`,"name":`, j.Business.Name)
	return append(b, "}}"...)
}

func (b jsonText) whatsapp(name string, w *event.WireWhatsApp) jsonText {
	if w == nil {
		return append(append(b, name...), "null"...)
	}
	b = append(b, name...)
	b = b.text(`{"whatsappId":`, w.WhatsAppID).text(`,"remoteJid":`, w.RemoteJID).orNull(`,"pictureUrl":`, w.PictureURL)
	return append(b.text(`,"pushName":`, w.PushName).time(`,"createdAt":`, w.CreatedAt), '}')
}

func (b jsonText) webhook(j webhookJSON) jsonText {
	b = b.text(`{"name":`, j.Name).text(`,"url":`, j.URL).flag(`,"enabled":`, j.Enabled).text(`,"webhookId":`, j.WebhookID)
	b = b.time(`,"createdAt":`, j.CreatedAt).time(`,"updatedAt":`, j.UpdatedAt)
	b = append(b.text(`,"instanceInstanceId":`, j.InstanceID), `,"WebhookEvents":`...)
	return append(b.events(j.Events), '}')
}

// events writes the booleans in the order of event.All, which is the
// document's; a Go map would sort them.
func (b jsonText) events(e eventsJSON) jsonText {
	b = append(b, '{')
	for _, info := range event.All() {
		b = strconv.AppendBool(append(append(append(b, '"'), info.Type...), `":`...), e.Toggles.Has(info.Type))
		b = append(b, ',')
	}
	b = b.text(`"webhookEventsId":`, e.ID).time(`,"createdAt":`, event.WireTime(e.CreatedAt))
	return append(b.time(`,"updatedAt":`, event.WireTime(e.UpdatedAt)), '}')
}

// instance13 writes an instance of version 1.3.
func (b jsonText) instance13(j instance13JSON) jsonText {
	b = b.text(`{"id":`, j.ID).text(`,"name":`, j.Name).orNull(`,"description":`, j.Description)
	b = b.text(`,"connectionStatus":`, j.ConnectionStatus).orNull(`,"ownerJid":`, j.OwnerJID)
	b = b.time(`,"createdAt":`, j.CreatedAt).time(`,"updatedAt":`, j.UpdatedAt)
	if j.DeletedAt != nil {
		b = b.time(`,"deletedAt":`, *j.DeletedAt)
	}
	b = b.text(`,"Auth":{"id":`, j.Auth.ID).text(`,"token":`, j.Auth.Token).time(`,"createdAt":`, j.Auth.CreatedAt)
	b = b.time(`,"updatedAt":`, j.Auth.UpdatedAt).text(`,"instanceId":`, j.Auth.InstanceID)
	b = append(b, `},"Webhook":`...)
	if j.Webhook == nil {
		b = append(b, "null"...)
	} else {
		b = b.webhook13(*j.Webhook)
	}
	b = b.text(`,"Whatsapp":{"connection":{"state":`, j.WhatsApp.Connection.State)
	b = strconv.AppendInt(append(b, `,"statusReason":`...), int64(j.WhatsApp.Connection.StatusReason), 10)
	return append(b, "}}}"...)
}

func (b jsonText) webhook13(j webhook13JSON) jsonText {
	b = b.text(`{"id":`, j.ID).text(`,"url":`, j.URL).flag(`,"enabled":`, j.Enabled)
	b = append(b.time(`,"createdAt":`, j.CreatedAt).time(`,"updatedAt":`, j.UpdatedAt), `,"events":`...)
	b = b.events13(j.Events)
	return append(b.text(`,"instanceId":`, j.InstanceID), '}')
}

// events13 writes the names of version 1.3 in the order of the contract.
func (b jsonText) events13(e events13JSON) jsonText {
	b = append(b, '{')
	for i, toggle := range toggles13() {
		if i > 0 {
			b = append(b, ',')
		}
		on := toggle.t != "" && webhook.Toggles(e).Has(toggle.t)
		b = strconv.AppendBool(append(append(append(b, '"'), toggle.name...), `":`...), on)
	}
	return append(b, '}')
}
