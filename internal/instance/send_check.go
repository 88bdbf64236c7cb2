package instance

import (
	"strings"
	"unicode/utf8"

	"pombal/internal/event"
	"pombal/internal/problem"
)

// Limits of a text message.
const (
	maxText      = 4096 // characters
	maxExternal  = 1024 // bytes
	minMessageID = 8
	maxMessageID = 64
	minDigits    = 7 // of a number with its country code (ITU-T E.164)
	maxDigits    = 15
	maxAddress   = 40 // digits and hyphens of a LID or a group
)

var errIDUsed = &problem.Error{
	Kind: problem.Conflict, Text: problem.Text{Key: "error.message_id_used"},
	Fields: []problem.Field{{Name: "id", Text: problem.Text{Key: "error.message_id_used"}}},
}

// The servers of WhatsApp's addresses.
const (
	serverUser  = "s.whatsapp.net"
	serverLID   = "lid"
	serverGroup = "g.us"
)

// Clean checks the inputs of a message and gives them in one form: To becomes
// an address, texts are trimmed. problem.Invalid as with Manager.Send.
func (p SendParams) Clean() (SendParams, error) {
	var bad []problem.Field
	refuse := func(name, key string, args ...any) { bad = append(bad, wrong(name, key, args...)...) }
	to, ok := cleanRecipient(p.To)
	if !ok {
		refuse("recipient", "error.recipient_invalid")
	}
	p.To = to
	content, faults := p.Content.check()
	p.Content = content
	bad = append(bad, faults...)
	if p.ID != "" && !isMessageID(p.ID) {
		refuse("id", "error.message_id_invalid")
	}
	if q := p.Quote; q != nil {
		quote := *q // the caller's stays as it is
		author, ok := cleanRecipient(quote.Author)
		if !ok && quote.Author != "" || !isKeyID(quote.KeyID) || utf8.RuneCountInString(quote.Text) > maxText || !utf8.ValidString(quote.Text) {
			refuse("quoted", "error.quoted_invalid")
		}
		quote.Author = author
		p.Quote = &quote
	}
	if len(p.ExternalAttributes) > maxExternal || !utf8.ValidString(p.ExternalAttributes) {
		refuse("externalAttributes", "error.attributes_invalid", "max", maxExternal)
	}
	if len(bad) > 0 {
		return SendParams{}, problem.WithFields(problem.Invalid, bad...)
	}
	return p, nil
}

// cleanRecipient brings a number or an address into WhatsApp's form. Devices,
// channels and broadcast lists are not for sending to.
func cleanRecipient(to string) (string, bool) {
	to = strings.TrimSpace(to)
	user, server, isAddress := strings.Cut(to, "@")
	if !isAddress {
		digits := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(strings.TrimPrefix(to, "+"))
		return digits + "@" + serverUser, isNumber(digits)
	}
	switch server {
	case serverUser, "c.us": // the second is what old clients write
		return user + "@" + serverUser, isNumber(user)
	case serverLID:
		return user + "@" + serverLID, isAddressUser(user, "")
	case serverGroup:
		return user + "@" + serverGroup, isAddressUser(user, "-")
	default:
		return "", false
	}
}

func isNumber(digits string) bool {
	return len(digits) >= minDigits && len(digits) <= maxDigits && only(digits, "0123456789") && digits[0] != '0'
}

func isAddressUser(user, besides string) bool {
	return user != "" && len(user) <= maxAddress && only(user, "0123456789"+besides) && user[0] != '-'
}

func isMessageID(id string) bool {
	return len(id) >= minMessageID && isKeyID(id)
}

// isKeyID says whether text can be the id of somebody's message.
func isKeyID(id string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return id != "" && len(id) <= maxMessageID && only(id, allowed)
}

func only(text, allowed string) bool {
	return strings.Trim(text, allowed) == "" // what is left would begin or end with another
}

// partyOfAddress is the party that an address names.
func partyOfAddress(address string) event.Party {
	if strings.HasSuffix(address, "@"+serverLID) {
		return event.Party{LID: address}
	}
	return event.Party{JID: address}
}
