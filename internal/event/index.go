package event

import "time"

// Party is one end of a chat: a person, or a group. WhatsApp knows a person by
// a phone number and by a hidden id (LID), and either may be all that is known.
type Party struct {
	JID string // the number's or the group's address; empty when only the LID is known
	LID string // empty for groups and where it is not known
}

// Address is what CodeChat's clients are told: the number where it is known.
func (p Party) Address() string {
	if p.JID != "" {
		return p.JID
	}
	return p.LID
}

// IsZero says whether nothing is known of the party.
func (p Party) IsZero() bool { return p == Party{} }

// Same says whether two parties can be the same one: they share an address, or
// what is known of them cannot be compared.
func (p Party) Same(q Party) bool {
	switch {
	case p.LID != "" && q.LID != "":
		return p.LID == q.LID
	case p.JID != "" && q.JID != "":
		return p.JID == q.JID
	default:
		return true
	}
}

// Found says how a party stood in the index.
type Found int

// What an index may say of a party.
const (
	FoundKnown  Found = iota // it was there
	FoundNew                 // it was not and is now
	FoundJoined              // a second address of it became known: two rows may have become one
)

// Names are the names a person goes by; an empty one is not known.
type Names struct {
	Push     string // what the person calls itself
	Book     string // what the phone's address book says
	Business string // the verified name of a business
}

// MessageRef is what is remembered of a message that was sent from the
// instance's account, so that receipts find it.
type MessageRef struct {
	MessageID string    `json:"messageId"` // ours
	Chat      Party     `json:"chat"`
	At        time.Time `json:"at"`
}

// Notice says where a part of an account's history can be fetched. It is kept
// until that is done, because WhatsApp does not say it twice.
type Notice struct {
	ID  string    `json:"id"`
	At  time.Time `json:"at"`
	Raw []byte    `json:"raw"` // as the engine understands it
}

// Payload is one event that Draft.Look makes.
type Payload struct {
	Type Type
	Data any
}

// Index is what an instance remembers of its chats, contacts and own messages,
// as Draft.Look sees it: inside the commit that records the events. A person is
// one row however many of its addresses are known.
type Index interface {
	// Chat finds the chat with a party, or makes it.
	Chat(p Party, at time.Time) (ChatData, Found, error)
	// DropChat forgets the chat with a party, if there is one.
	DropChat(p Party) error
	// Contact finds a person, or makes it, and notes the names that are given.
	Contact(p Party, names Names, at time.Time) (ContactData, Found, error)
	// JoinContact makes one row of a person whose two addresses are known; ok
	// is false when there was nothing to do.
	JoinContact(p Party) (c ContactData, ok bool, err error)
	// Message finds a message by WhatsApp's id.
	Message(keyID string) (ref MessageRef, ok bool, err error)
	// PutMessage remembers a message by WhatsApp's id.
	PutMessage(keyID string, ref MessageRef) error
	// PutNotice keeps a notice.
	PutNotice(n Notice) error
	// DropNotice forgets a notice, if it is there.
	DropNotice(id string) error
}
