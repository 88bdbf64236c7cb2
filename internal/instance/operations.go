package instance

import "time"

// Pairing is the QR code that is on the screen now.
type Pairing struct {
	Code      string    // the text the picture shows
	ExpiresAt time.Time // the picture is blanked at this moment
	ShownAt   time.Time // when this code was put up
	Number    int       // 1-based place of the code in its round
	Of        int       // codes in the round
	Round     int       // 1-based; a new round is a new connection
	Seq       uint64    // changes with every code; for addresses of pictures
}

// CreateParams are the inputs of Manager.Create.
type CreateParams struct {
	Name       string // 1–64 letters, digits, space, - _ .; empty asks for a random name where AutoName is set
	AutoName   bool
	ID         string // chosen by the creator (CodeChat's externalId); empty: made here
	BusinessID string // empty: the first business
}

// LogoutParams are the choices of Manager.Logout.
type LogoutParams struct {
	// RequireConnected refuses with ErrNotConnected, changing nothing, unless
	// the instance is connected: CodeChat's documented behaviour.
	RequireConnected bool
}

// LogoutResult is the two-part truth about a logout.
type LogoutResult struct {
	Instance  Instance
	WasLinked bool // there was something to log out
	Unlinked  bool // WhatsApp confirmed that the device is off the phone's list
	Erased    bool // its keys are no longer here
	// Pairing that was under way was ended.
	EndedPairing bool
}

// DeleteParams are the choices of Manager.Delete.
type DeleteParams struct {
	Logout bool // log out on the phone first
}
