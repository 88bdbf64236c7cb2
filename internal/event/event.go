// Package event defines what Pombal tells other programs: the 19 event types
// of the CodeChat contract, the recorded event, and the body that webhooks
// send. An event is recorded together with its deliveries in one commit and
// never changes afterwards.
package event

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Type is one of the 19 event types, spelled as its toggle in CodeChat's API
// (webhook documentation v1.0.0 and v1.0.1).
type Type string

// The 19 types, in the order of CodeChat's document.
const (
	QRCodeUpdate            Type = "qrcodeUpdate"
	StateInstance           Type = "stateInstance"
	MessagesSet             Type = "messagesSet"
	MessagesUpsert          Type = "messagesUpsert"
	MessagesUpdate          Type = "messagesUpdate"
	SendMessage             Type = "sendMessage"
	ContactsSet             Type = "contactsSet"
	ContactsUpsert          Type = "contactsUpsert"
	ContactsUpdate          Type = "contactsUpdate"
	PresenceUpdate          Type = "presenceUpdate"
	ChatsSet                Type = "chatsSet"
	ChatsUpdate             Type = "chatsUpdate"
	ChatsUpsert             Type = "chatsUpsert"
	ChatsDelete             Type = "chatsDelete"
	GroupsUpsert            Type = "groupsUpsert"
	GroupUpdate             Type = "groupUpdate"
	GroupParticipantsUpdate Type = "groupParticipantsUpdate"
	ConnectionUpdate        Type = "connectionUpdate"
	NewJWT                  Type = "newJwt"
)

// Group is one of the five headings under which people find the toggles.
type Group string

// The five groups, in the order of the page.
const (
	GroupConnection Group = "connection"
	GroupMessages   Group = "messages"
	GroupContacts   Group = "contacts"
	GroupChats      Group = "chats"
	GroupGroups     Group = "groups"
)

// Info is what is fixed about a type.
type Info struct {
	Type       Type
	Wire       string // the "event" string of the webhook body; three are irregular
	Group      Group
	Large      bool // bodies of hundreds of kilobytes are ordinary
	Chatty     bool // many a minute are ordinary
	Deprecated bool // kept because CodeChat keeps it
}

// All returns the 19 types in CodeChat's order. The slice is the caller's.
func All() []Info {
	return []Info{
		{Type: QRCodeUpdate, Wire: "qrcode.updated", Group: GroupConnection},
		{Type: StateInstance, Wire: "state.instance", Group: GroupConnection},
		{Type: MessagesSet, Wire: "messages.set", Group: GroupMessages, Large: true},
		{Type: MessagesUpsert, Wire: "messages.upsert", Group: GroupMessages},
		{Type: MessagesUpdate, Wire: "messages.update", Group: GroupMessages},
		{Type: SendMessage, Wire: "send.message", Group: GroupMessages},
		{Type: ContactsSet, Wire: "contacts.set", Group: GroupContacts, Large: true},
		{Type: ContactsUpsert, Wire: "contacts.upsert", Group: GroupContacts},
		{Type: ContactsUpdate, Wire: "contacts.update", Group: GroupContacts},
		{Type: PresenceUpdate, Wire: "presence.update", Group: GroupContacts, Chatty: true},
		{Type: ChatsSet, Wire: "chats.set", Group: GroupChats, Large: true},
		{Type: ChatsUpdate, Wire: "chats.update", Group: GroupChats},
		{Type: ChatsUpsert, Wire: "chats.upsert", Group: GroupChats},
		{Type: ChatsDelete, Wire: "chats.delete", Group: GroupChats, Deprecated: true},
		{Type: GroupsUpsert, Wire: "group.upsert", Group: GroupGroups},
		{Type: GroupUpdate, Wire: "group.update", Group: GroupGroups},
		{Type: GroupParticipantsUpdate, Wire: "group.participants:update", Group: GroupGroups},
		{Type: ConnectionUpdate, Wire: "connection.update", Group: GroupConnection},
		{Type: NewJWT, Wire: "new.jwt", Group: GroupConnection},
	}
}

// Groups returns the five groups in the order of the page.
func Groups() []Group {
	return []Group{GroupConnection, GroupMessages, GroupContacts, GroupChats, GroupGroups}
}

// Lookup finds a type by its toggle name. The alias "statusInstance", which
// CodeChat's prose uses, means stateInstance. ok is false for any other name.
func Lookup(name string) (info Info, ok bool) {
	if name == "statusInstance" {
		name = string(StateInstance)
	}
	for _, info := range All() {
		if string(info.Type) == name {
			return info, true
		}
	}
	return Info{}, false
}

// Wire gives the "event" string of a webhook body for t, "" when t is none of
// the 19.
func (t Type) Wire() string {
	info, _ := Lookup(string(t))
	return info.Wire
}

// Draft is an event before it is recorded.
type Draft struct {
	InstanceID string
	Type       Type
	At         time.Time
	// Key makes recording idempotent within the instance: a second draft with
	// the same type and key records nothing. Empty means always record. A
	// message uses its chat, sender and id, because WhatsApp sends it again
	// when our acknowledgement was lost.
	Key  string
	Data any // becomes the "data" of the body; must marshal to JSON
	// Look, when set, makes the events of the draft from what the instance
	// remembers, inside the commit that also stores what it remembers from now
	// on; Data is not used then. It may be called more than once and must
	// change nothing but the Index. No payload means that nothing is recorded.
	Look func(Index) ([]Payload, error)
	// OnlyWanted drops the events that no enabled webhook wants. It is for
	// types that are large or come many a minute; what Look has noted in the
	// Index stays.
	OnlyWanted bool
	// Token asks that the instance token be put beside the data for those
	// webhooks that have this switched on. The body itself never holds it.
	Token bool
}

// Event is a recorded event. It is immutable.
type Event struct {
	ID         string    `json:"id"`  // time-ordered and globally unique; the webhook-id of its deliveries
	Seq        uint64    `json:"seq"` // counts up by one within the instance
	InstanceID string    `json:"instanceId"`
	Type       Type      `json:"type"`
	At         time.Time `json:"at"`
	// Body is the whole webhook body as Envelope made it at recording time, so
	// that every attempt and every replay sends the same bytes.
	Body json.RawMessage `json:"body"`
	// Token says that webhooks which asked for the instance token get it with
	// this event; see Draft.
	Token bool `json:"token,omitempty"`
}

// NewID makes an id that sorts by time of making and is unique across nodes: a
// version 7 UUID (RFC 9562). It fails only when the system has no randomness.
func NewID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	return id.String(), nil
}
