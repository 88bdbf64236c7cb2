// Package live tells open pages that something changed. It carries signals,
// never content: a page that hears one fetches its region again, so language
// and rights of each viewer stay right and nothing is rendered here.
package live

// The signals. Their names are what pages listen to; "<id>" is an instance id,
// or a webhook id for SignalHook.
const (
	SignalInstances      = "inst-list"       // an instance was made, deleted or renamed
	SignalLog            = "log"             // an event was recorded
	SignalResync         = "resync"          // signals were lost: fetch everything again
	SignalSessionExpired = "session-expired" // sign in again
	SignalReplaced       = "replaced"        // a newer page of the session has taken this one's stream
)

// SignalInstance says that the state of an instance changed.
func SignalInstance(id string) string { return "inst-" + id }

// SignalQR says that another code, or none, is on the screen of an instance.
func SignalQR(id string) string { return "qr-" + id }

// SignalHook says that a webhook has new deliveries.
func SignalHook(id string) string { return "hook-" + id }
