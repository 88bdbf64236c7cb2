package web

import (
	"context"
	"time"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/webhook"
	"pombal/web/codechat"
	"pombal/web/insprl"
)

// Instances is what the pages need of the life of instances; instance.Manager
// is the real one. All methods answer with problem errors where a person can
// do something about it.
type Instances interface {
	// List gives the living instances by name.
	List(ctx context.Context) ([]instance.Instance, error)
	// Get finds a living instance; instance.ErrNotFound.
	Get(ctx context.Context, id string) (instance.Instance, error)
	// Create makes an instance; nothing connects yet.
	Create(ctx context.Context, p instance.CreateParams) (instance.Instance, error)
	// Rename changes the name if rev is still the stored one; ErrChanged.
	Rename(ctx context.Context, id, name string, rev uint64) (instance.Instance, error)
	// Connect starts pairing (not linked) or reconnects (linked). Already
	// connecting or showing a code is fine and changes nothing; connected is
	// ErrConnected; switched off is ErrSwitchedOff.
	Connect(ctx context.Context, id string) (instance.Instance, error)
	// CancelPairing takes the code off the screen; fine when there is none.
	CancelPairing(ctx context.Context, id string) error
	// Pairing gives the code on the screen now and counts as looking: codes
	// are renewed while somebody looks.
	Pairing(id string) (instance.Pairing, bool)
	// SwitchOn and SwitchOff set what the operator wants.
	SwitchOn(ctx context.Context, id string) (instance.Instance, error)
	SwitchOff(ctx context.Context, id string) (instance.Instance, error)
	// Logout unlinks the device; legal from every state.
	Logout(ctx context.Context, id string, p instance.LogoutParams) (instance.LogoutResult, error)
	// Delete removes the instance for good.
	Delete(ctx context.Context, id string, p instance.DeleteParams) error
	// Business finds a tenant by its id.
	Business(ctx context.Context, id string) (instance.Business, error)

	// ConnectWith is Connect with choices.
	ConnectWith(ctx context.Context, id string, p instance.ConnectParams) (instance.Instance, error)
	// RequestCode waits for a code that is typed on the phone; TypedCode is the
	// one on the screen now.
	RequestCode(ctx context.Context, id, phone string) (instance.TypedCode, error)
	TypedCode(id string) (instance.TypedCode, bool)
	// Passkey is the passkey step that is under way; the others go on with it.
	Passkey(id string) (instance.Passkey, bool)
	AnswerPasskey(ctx context.Context, id string, answer []byte) error
	ConfirmPasskey(ctx context.Context, id string) error
	// SendText sends a text; the doors send more than that.
	SendText(ctx context.Context, id string, p instance.SendTextParams) (instance.Sent, error)
	// TestProxy asks WhatsApp through a proxy; problem.Invalid names "url".
	TestProxy(ctx context.Context, p *instance.Proxy) error
	// Timeline gives what happened last, newest first.
	Timeline(ctx context.Context, id string, limit int) ([]instance.Moment, error)
	// Availability is how much of a span an instance was online.
	Availability(ctx context.Context, id string, window time.Duration, slots int) (instance.Availability, error)

	Tagger
	// What the doors do beyond that.
	codechat.Instances
	codechat.Businesses
}

// Webhooks is what the pages need of webhooks; webhook.Service is the real one.
type Webhooks interface {
	List(ctx context.Context, instanceID string) ([]webhook.Webhook, error)
	// Counts gives how many webhooks each instance has.
	Counts(ctx context.Context) (map[string]webhook.Count, error)
	Get(ctx context.Context, instanceID, id string) (webhook.Webhook, error)
	// Create checks name and URL and stores; problem.Invalid names the fields
	// "name" and "url".
	Create(ctx context.Context, p webhook.CreateParams) (webhook.Webhook, error)
	// Update changes name, URL and enabled where given, if Rev is 0 or still
	// the stored one; webhook.ErrChanged otherwise.
	Update(ctx context.Context, instanceID, id string, p webhook.UpdateParams) (webhook.Webhook, error)
	// SetToggles changes the toggles named and leaves the others.
	SetToggles(ctx context.Context, instanceID, id string, changes webhook.ToggleChanges) (webhook.Webhook, error)
	Delete(ctx context.Context, instanceID, id string) error
	// Deliveries lists the newest deliveries, pending included, newest first.
	Deliveries(ctx context.Context, instanceID, id string, limit int) ([]webhook.Delivery, error)
	// Waiting counts pending deliveries.
	Waiting(ctx context.Context, instanceID, id string) (int, error)

	// What the doors do beyond that.
	codechat.Webhooks
}

// Auth is what the pages need to know who somebody is; auth.Service is the
// real one.
type Auth interface {
	// NeedsSetup says whether there is no user yet.
	NeedsSetup(ctx context.Context) (bool, error)
	// Setup makes the owner when code is the one printed at start;
	// auth.ErrSetupCode, auth.ErrSetupDone, problem.TooMany, problem.Invalid.
	Setup(ctx context.Context, p auth.SetupParams) (auth.User, error)
	// Login checks a password and opens a session; auth.ErrCredentials or
	// problem.TooMany. token is the cookie's value.
	Login(ctx context.Context, p auth.LoginParams) (token string, s auth.Session, err error)
	// OpenSession opens a session for a user known to be right (set-up, demo).
	OpenSession(ctx context.Context, userID string, p auth.SessionParams) (token string, s auth.Session, err error)
	// Resume finds the session and user of a cookie; auth.ErrUnauthorized.
	// byPerson extends the idle limit.
	Resume(ctx context.Context, token string, byPerson bool) (auth.Session, auth.User, error)
	// Logout ends the session.
	Logout(ctx context.Context, token string) error
	// SetLanguage stores a user's language.
	SetLanguage(ctx context.Context, userID, lang string) error
	// ChangePassword ends every session of the user and opens a new one;
	// problem.Invalid names "current" and "new".
	ChangePassword(ctx context.Context, userID string, p auth.PasswordParams) (token string, s auth.Session, err error)
	// Sessions lists the living sessions of a user.
	Sessions(ctx context.Context, userID string) ([]auth.Session, error)
	// EndSession ends one of them, EndOtherSessions all but one.
	EndSession(ctx context.Context, userID, id string) error
	EndOtherSessions(ctx context.Context, userID, keep string) (int, error)
	// Prove notes that the password was given again; auth.ErrCredentials.
	Prove(ctx context.Context, token, password, address string) (auth.Session, error)
	// Proved says whether it was given lately enough for secrets.
	Proved(s auth.Session) bool
	// PairingLink and ParsePairingLink write and read the links for the
	// phone's owner.
	PairingLink(ctx context.Context, c auth.LinkClaims) (string, error)
	ParsePairingLink(ctx context.Context, text string) (auth.LinkClaims, error)
	// CreateInSPRLKey makes a client key for an instance; key is shown once.
	CreateInSPRLKey(ctx context.Context, instanceID, name string) (key string, k auth.APIKey, err error)
	// APIKeys lists the keys bound to an instance.
	APIKeys(ctx context.Context, instanceID string) ([]auth.APIKey, error)
	// RevokeAPIKey removes a key of an instance.
	RevokeAPIKey(ctx context.Context, instanceID, id string) error
	Keyring

	// What the doors check: ParseInstanceToken, IsGlobalKey, InSPRLKey.
	codechat.Credentials
	insprl.Credentials
}

// Keyring is what the page of API keys needs.
type Keyring interface {
	// AllAPIKeys lists the keys of all instances and those that open every one.
	AllAPIKeys(ctx context.Context) ([]auth.APIKey, error)
	// APIKey finds a key by its id; auth.ErrNoSuch.
	APIKey(ctx context.Context, id string) (auth.APIKey, error)
	// CreateKey makes a key with scopes; problem.Invalid names "name", "scopes"
	// and "expiresAt".
	CreateKey(ctx context.Context, p auth.KeyParams) (key string, k auth.APIKey, err error)
	// RotateKey makes the key that follows another one, which stays good for
	// overlap; auth.ErrNoSuch, auth.ErrReplaced.
	RotateKey(ctx context.Context, id string, overlap time.Duration) (key string, k auth.APIKey, err error)
	// RevokeKey removes a key; auth.ErrNoSuch.
	RevokeKey(ctx context.Context, id string) error
	// Uses gives what each credential was used for at each door.
	Uses(ctx context.Context) ([]auth.Use, error)
}

// Audit keeps who did what; audit.Log is the real one.
type Audit interface {
	// Append fills in id and time and stores the entry durably.
	Append(ctx context.Context, e audit.Entry) error
}
