package event

import (
	"time"
)

// WireTime prints as JavaScript's Date does: UTC, always three fraction
// digits. CodeChat's clients parse nothing else.
type WireTime time.Time

const wireLayout = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON prints the time as described at WireTime.
func (t WireTime) MarshalJSON() ([]byte, error) {
	return t.AppendJSON(make([]byte, 0, len(wireLayout)+2)), nil
}

// AppendJSON is MarshalJSON for whoever has a buffer. It is written by hand: a
// list of instances holds a thousand times, and Go's layouts are read anew for
// each of them.
func (t WireTime) AppendJSON(b []byte) []byte {
	at := time.Time(t).UTC()
	year, month, day := at.Date()
	if year < 0 || year > 9999 {
		return append(at.AppendFormat(append(b, '"'), wireLayout), '"')
	}
	hour, minute, second := at.Clock()
	b = appendDigits(append(b, '"'), year, 4)
	b = appendDigits(append(b, '-'), int(month), 2)
	b = appendDigits(append(b, '-'), day, 2)
	b = appendDigits(append(b, 'T'), hour, 2)
	b = appendDigits(append(b, ':'), minute, 2)
	b = appendDigits(append(b, ':'), second, 2)
	b = appendDigits(append(b, '.'), at.Nanosecond()/1_000_000, 3)
	return append(b, 'Z', '"')
}

// appendDigits writes a number with leading zeros.
func appendDigits(b []byte, n, width int) []byte {
	var digits [4]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(b, digits[:width]...)
}

// UnmarshalJSON reads what MarshalJSON wrote, and any RFC 3339 time.
func (t *WireTime) UnmarshalJSON(raw []byte) error {
	return (*time.Time)(t).UnmarshalJSON(raw)
}

// Envelope is the body of a webhook call: CodeChat's {event, instance, data}
// with id, seq and timestamp beside them.
type Envelope struct {
	Event     string       `json:"event"`
	ID        string       `json:"id"`
	Seq       uint64       `json:"seq"`
	Timestamp WireTime     `json:"timestamp"`
	Instance  WireInstance `json:"instance"`
	Data      any          `json:"data"`
}

// WireInstance is the "instance" of the body. It never carries a credential.
type WireInstance struct {
	InstanceID string        `json:"instanceId"`
	Name       string        `json:"name"`
	State      string        `json:"state"`      // active or inactive
	Connection string        `json:"connection"` // open, close or refused
	CreatedAt  WireTime      `json:"createdAt"`
	WhatsApp   *WireWhatsApp `json:"WhatsApp"`
	Business   WireBusiness  `json:"Business"`
}

// WireWhatsApp is the linked account; nil before the first pairing.
type WireWhatsApp struct {
	WhatsAppID string   `json:"whatsappId"`
	RemoteJID  string   `json:"remoteJid"`
	PictureURL *string  `json:"pictureUrl"`
	PushName   string   `json:"pushName"`
	CreatedAt  WireTime `json:"createdAt"`
}

// WireBusiness is CodeChat's tenant.
type WireBusiness struct {
	BusinessID string `json:"businessId"`
	Name       string `json:"name"`
}
