package whatsapp

import (
	"context"

	"go.mau.fi/whatsmeow/types"

	"pombal/internal/event"
)

// maxName cuts names that people give themselves: WhatsApp allows 25
// characters, an address book more, a hostile client anything.
const maxName = 100

// party makes one party of the addresses WhatsApp gives of it. The address that
// is missing is looked up in what the engine has learnt, which is in memory.
func (s *session) party(jids ...types.JID) event.Party {
	var number, lid types.JID
	for _, jid := range jids {
		switch jid = plain(jid); {
		case jid.IsEmpty():
		case jid.Server == types.HiddenUserServer:
			lid = jid
		case number.IsEmpty():
			number = jid
		}
	}
	known := s.client.Store.LIDs
	switch {
	case number.IsEmpty() && !lid.IsEmpty():
		if found, err := known.GetPNForLID(context.Background(), lid); err == nil {
			number = plain(found)
		}
	case number.Server == types.DefaultUserServer && lid.IsEmpty():
		if found, err := known.GetLIDForPN(context.Background(), number); err == nil {
			lid = plain(found)
		}
	}
	return event.Party{JID: text(number), LID: text(lid)}
}

// plain strips the device and brings old and hosted servers into today's form.
func plain(jid types.JID) types.JID {
	jid = jid.ToNonAD()
	switch jid.Server {
	case types.LegacyUserServer, types.HostedServer:
		jid.Server = types.DefaultUserServer
	case types.HostedLIDServer:
		jid.Server = types.HiddenUserServer
	}
	return jid
}

func text(jid types.JID) string {
	if jid.IsEmpty() {
		return ""
	}
	return jid.String()
}

// isChat says whether a party is a chat of its own: a person or a group, not a
// status, a channel or a list.
func isChat(jid types.JID) bool {
	switch plain(jid).Server {
	case types.DefaultUserServer, types.HiddenUserServer, types.GroupServer:
		return jid.User != ""
	default:
		return false
	}
}

// isPerson says whether an address is that of one person other than the owner
// of the account.
func (s *session) isPerson(p event.Party) bool {
	own := s.me()
	return !p.IsZero() && p.JID != own.JID && (own.LID == "" || p.LID != own.LID)
}

// device is the address of this link; another linking of the account has
// another.
func (s *session) device() string {
	if own := s.own.Load(); own != nil {
		return own.String()
	}
	return ""
}

// me is the linked account.
func (s *session) me() event.Party {
	own := s.own.Load()
	if own == nil {
		return event.Party{}
	}
	return s.party(*own)
}

// shortName cuts a name.
func shortName(name string) string {
	n := 0
	for i := range name {
		if n++; n > maxName {
			return name[:i]
		}
	}
	return name
}
