package event

// StatusData is the data of messages.update.
type StatusData struct {
	MessageStatusID string   `json:"messageStatusId"`
	Status          string   `json:"status"` // ERROR, PENDING, SERVER_ACK, DELIVERY_ACK, READ or PLAYED
	DateTime        WireTime `json:"dateTime"`
	// MessageMessageID is the messageId of the message; null when it was sent
	// before Pombal knew the account. KeyID tells it then.
	MessageMessageID *string `json:"messageMessageId"`
	KeyID            string  `json:"keyId"`                  // ours
	KeyRemoteJID     string  `json:"keyRemoteJid"`           // ours
	KeyRemoteLID     string  `json:"keyRemoteLid,omitempty"` // ours
	// KeyParticipant is who has got or read it, in a group.
	KeyParticipant    string `json:"keyParticipant,omitempty"`    // ours
	KeyParticipantLID string `json:"keyParticipantLid,omitempty"` // ours
	// Reason says why a message is PENDING: ReasonUndecryptable, or nothing.
	Reason string `json:"reason,omitempty"` // ours
}

// ReasonUndecryptable is the reason of a StatusData that says that a message has
// come and cannot be read yet. It is asked for again; once it can be read, it
// follows as messages.upsert with the same KeyID.
const ReasonUndecryptable = "undecryptable"

// SentData is the data of send.message: a message with what the sender asked
// to be given back.
type SentData struct {
	MessageData
	InstanceInstanceID string `json:"instanceInstanceId"`
	ExternalAttributes string `json:"externalAttributes,omitempty"`
}

// ContactData is an item of contacts.set, contacts.upsert and contacts.update.
type ContactData struct {
	ContactID string `json:"contactId"`
	// PushName is what the person calls itself; where that is not known, the
	// name in the phone's address book or the verified name of the business.
	PushName   string   `json:"pushName"`
	RemoteJID  string   `json:"remoteJid"`
	RemoteLID  string   `json:"remoteLid,omitempty"` // ours
	PictureURL *string  `json:"pictureUrl"`          // always null: WhatsApp gives an id, not an address
	PictureID  *string  `json:"pictureId,omitempty"` // ours: with a changed picture; "" when it was removed
	Name       string   `json:"name,omitempty"`      // ours: the name in the phone's address book
	Business   string   `json:"businessName,omitempty"`
	CreatedAt  WireTime `json:"createdAt"`
}

// ChatData is an item of chats.set, chats.upsert and chats.update.
type ChatData struct {
	ChatID    string      `json:"chatId"`
	RemoteJID string      `json:"remoteJid"`
	RemoteLID string      `json:"remoteLid,omitempty"` // ours
	Change    *ChatChange `json:"change,omitempty"`    // ours: what chats.update is about
	CreatedAt WireTime    `json:"createdAt"`
}

// ChatChange says what was done to a chat on another device; what is absent
// did not change.
type ChatChange struct {
	Archived *bool     `json:"archived,omitempty"`
	Pinned   *bool     `json:"pinned,omitempty"`
	Muted    *bool     `json:"muted,omitempty"`
	Until    *WireTime `json:"mutedUntil,omitempty"` // absent with muted: for good
	Read     *bool     `json:"read,omitempty"`
	Cleared  bool      `json:"cleared,omitempty"`
}

// PresenceData is the data of presence.update.
type PresenceData struct {
	ID        string       `json:"id"` // the chat
	LID       string       `json:"lid,omitempty"`
	IsGroup   bool         `json:"isGroup"`
	Presences PresenceItem `json:"presences"`
}

// PresenceItem says what one person is doing in a chat.
type PresenceItem struct {
	JID      string    `json:"jid"`
	LID      string    `json:"lid,omitempty"`      // ours
	Type     string    `json:"type"`               // available, unavailable, composing, recording or pause
	LastSeen *WireTime `json:"lastSeen,omitempty"` // ours
}
