package event

import "time"

// GroupData is the data of group.upsert: a whole group.
type GroupData struct {
	ID           string        `json:"id"`
	Subject      string        `json:"subject"`
	SubjectOwner string        `json:"subjectOwner"`
	SubjectTime  string        `json:"subjectTime"` // Unix seconds; a string in the contract
	Size         int           `json:"size"`
	Creation     int64         `json:"creation"` // Unix seconds
	Owner        string        `json:"owner"`
	OwnerLID     string        `json:"ownerLid,omitempty"` // ours
	Description  string        `json:"desc,omitempty"`     // ours
	Restrict     bool          `json:"restrict"`           // only admins edit the group's data
	Announce     bool          `json:"announce"`           // only admins write
	Participants []GroupMember `json:"participants"`
}

// GroupMember is a participant of group.upsert.
type GroupMember struct {
	ID    string  `json:"id"`
	LID   string  `json:"lid,omitempty"` // ours
	Admin *string `json:"admin"`         // superadmin, admin or null
}

// GroupChange is the data of group.update: only what changed is there.
type GroupChange struct {
	ID           string  `json:"id"`
	Subject      *string `json:"subject,omitempty"`
	SubjectOwner string  `json:"subjectOwner,omitempty"`
	SubjectTime  string  `json:"subjectTime,omitempty"`
	Restrict     *bool   `json:"restrict,omitempty"`
	Announce     *bool   `json:"announce,omitempty"`
}

// GroupMembership is the data of group.participants:update.
type GroupMembership struct {
	ID              string   `json:"id"`
	Participants    []string `json:"participants"`
	ParticipantLIDs []string `json:"participantLids,omitempty"` // ours: in the same order, "" where not known
	Action          string   `json:"action"`                    // add, remove, promote or demote
	Author          string   `json:"author,omitempty"`          // ours: who did it
}

// JWTData is the data of new.jwt. The token itself is a credential and never
// stands in a body.
type JWTData struct {
	AuthID    string   `json:"authId"`
	CreatedAt WireTime `json:"createdAt"`
	UpdatedAt WireTime `json:"updatedAt"`
}

// NewJWTDraft makes the event of a rotated instance token. It is recorded in
// the commit that stores the rotation. The token's text is left to those
// webhooks that ask for it; see Draft.Token.
func NewJWTDraft(instanceID, authID string, issued, updated time.Time) Draft {
	return Draft{
		InstanceID: instanceID, Type: NewJWT, At: updated, Token: true,
		Data: JWTData{AuthID: authID, CreatedAt: WireTime(issued), UpdatedAt: WireTime(updated)},
	}
}
