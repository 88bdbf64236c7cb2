// Package views draws the pages. A component takes one typed value and calls
// no store and no clock; a fragment is always the component that its page
// includes, so the two cannot drift.
package views

import (
	"time"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/locale"
	"pombal/internal/webhook"
)

// Page is what every page needs: who looks, in which language, and what the
// frame around the content shows. It travels in every page value.
type Page struct {
	T         *locale.Printer
	Theme     string // auto, light or dark
	User      *auth.User
	CSRF      string // masked token for forms and for htmx
	Path      string // of this page, without query
	Now       time.Time
	Attention int        // instances that need an operator
	Flash     *Flash     // what the last action did; shown once
	Demo      *Demo      // nil outside the demo
	Outdated  string     // the version that WhatsApp refuses; empty: none
	Crash     *CrashNote // nil: the last run ended in order, or somebody has seen it
	StandIn   bool       // another WhatsApp endpoint than the real one is configured
	Insecure  bool       // served over plain http to other machines
	Storage   string     // why nothing can be saved now; empty when all is well
	Version   string
	RequestID string
	Since     uint64 // the newest live signal when the page was asked for
	Op        string // names this page's forms that must act once
	Shortcuts bool   // single keys do things
	Country   string // the calling code that a number typed here likely has; empty: unknown
	Still     bool   // a picture of a page: no scripts, nothing fetches itself
}

// Flash is a message about the last action.
type Flash struct {
	Kind string // ok, info, warn or bad
	Text string // already translated
}

// Demo says where the demo's other pages are.
type Demo struct {
	PhoneURL    string // the page that plays the phone
	ReceiverURL string // the page that shows what webhooks brought
	// Filled says which instances the demo began with; nil for none.
	Filled func(instanceID string) bool
	Tour   *Tour // on pages of those who are signed in
}

// FieldErrors are the messages of a refused form: field name to translated
// text.
type FieldErrors map[string]string

// SetupPage is the first-run page.
type SetupPage struct {
	Page
	Code, Name, Email, Language string
	Errors                      FieldErrors
	General                     string // a message that belongs to no field
}

// LoginPage is the sign-in page.
type LoginPage struct {
	Page
	Email, Next string
	Keep        bool
	Error       string
}

// InstanceNewPage is the form that creates an instance.
type InstanceNewPage struct {
	Page
	Name   string
	Errors FieldErrors
}

// InstancePage is the overview of one instance.
type InstancePage struct {
	Page
	Panel    InstancePanel
	Webhooks []webhook.Webhook
	Steps    StepsPart
	History  HistoryPart
}

// StepsPart is the list of the first things to do; it goes once all are done.
type StepsPart struct {
	Page
	Instance       instance.Instance
	Wanted         bool // the house has one instance, and something is left to do
	Linked, Tested bool
	Webhooks       int
}

// TestPage sends a test message.
type TestPage struct {
	Page
	Instance instance.Instance
	To, Text string
	Sent     *instance.Sent // the message that was just sent
	Errors   FieldErrors
}

// InstancePanel is the status card and the connect card: what live signals
// refresh.
type InstancePanel struct {
	Page
	Instance instance.Instance
	Pairing  *instance.Pairing   // nil when no code is on the screen
	Typed    *instance.TypedCode // the code to type on the phone, or nil
	Passkey  *instance.Passkey   // the passkey step, or nil
	Ask      CodeForm
	Guest    string    // the text of the pairing link that shows it; empty for those who are signed in
	LinkEnds time.Time // when that link is over
	BaseURL  string    // for the ready-made calls
}

// InstanceSettingsPage renames, switches off, shows credentials, deletes.
type InstanceSettingsPage struct {
	Page
	Instance instance.Instance
	Name     string      // as typed
	Tags     string      // as typed
	Changed  string      // "name" or "tags": what somebody else saved first
	Errors   FieldErrors // "name", "tags", and "key_name" of the form that makes a key
	Proxy    ProxyForm
	Keys     []auth.APIKey
	// Revealed is shown once, right after it was asked for.
	Revealed *Revealed
	BaseURL  string // for the ready-made calls
}

// Revealed is a secret on the screen.
type Revealed struct {
	Kind     string // token or insprl
	Secret   string
	ClientID string // with insprl
}

// LogoutPage asks before a logout.
type LogoutPage struct {
	Page
	Instance instance.Instance
}

// DeletePage asks for the typed name before an instance is deleted.
type DeletePage struct {
	Page
	Instance instance.Instance
	Typed    string
	Logout   bool // "log out on the phone first" is ticked
	Webhooks int
	Errors   FieldErrors
}

// WebhookRow is one line of the list of webhooks.
type WebhookRow struct {
	Webhook webhook.Webhook
	Last    *webhook.Delivery // newest finished or failing delivery
	Waiting int
	Health  webhook.Health
}

// WebhooksPage lists the webhooks of an instance.
type WebhooksPage struct {
	Page
	Instance instance.Instance
	Rows     []WebhookRow
}

// WebhookNewPage is the form that adds a webhook.
type WebhookNewPage struct {
	Page
	Instance  instance.Instance
	Name, URL string
	Enabled   bool
	Toggles   webhook.Toggles
	Errors    FieldErrors
	Settings  HookSettings
	Seen      map[event.Type]int // events of the last day
	Found     *webhook.Found     // right after the address was looked at
}

// WebhookPage edits one webhook and shows its deliveries.
type WebhookPage struct {
	Page
	Instance   instance.Instance
	Webhook    webhook.Webhook
	Name, URL  string // as typed
	Enabled    bool   // as ticked
	Errors     FieldErrors
	Secret     string // only right after "show secret"
	Deliveries []webhook.Delivery
	Waiting    int
	Theirs     *webhook.Webhook // set when somebody else saved first
	Settings   HookSettings     // as typed
	Found      *webhook.Found   // right after the address was looked at
	Care       HookCare
}

// WebhookDeletePage asks before a webhook is deleted.
type WebhookDeletePage struct {
	Page
	Instance instance.Instance
	Webhook  webhook.Webhook
	Waiting  int
}

// ErrorPage is any page that could not be shown.
type ErrorPage struct {
	Page
	Status int
	Title  string
	Text   string
	Retry  int // seconds; 0 hides it
	// Typed is what was in the form that was refused, and Back the page that it
	// stands on.
	Typed []TypedValue
	Back  string
}

// TypedValue is a value of a form with the catalogue key of its field's label.
type TypedValue struct{ Label, Value string }
