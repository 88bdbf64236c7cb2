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

// ConnectParams are the choices of Manager.ConnectWith.
type ConnectParams struct {
	// ReplaceNumber lets another number than the one the instance was linked
	// to be linked this time.
	ReplaceNumber bool
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
	// Force erases the keys here at once when the instance is not connected,
	// without trying to reach WhatsApp.
	Force bool
	// Wait keeps a logout that WhatsApp could not be told of and tries again
	// at each start and hourly for a day (PhaseLogoutPending), instead of
	// erasing the keys here only.
	Wait bool
}

// LogoutResult is the two-part truth about a logout.
type LogoutResult struct {
	Instance  Instance
	WasLinked bool // there was something to log out
	Unlinked  bool // WhatsApp confirmed that the device is off the phone's list
	Erased    bool // its keys are no longer here
	Pending   bool // WhatsApp could not be told yet and will be; only with LogoutParams.Wait
	// Pairing that was under way was ended.
	EndedPairing bool
}

// DeleteParams are the choices of Manager.Delete.
type DeleteParams struct {
	Logout bool // log out on the phone first
}
