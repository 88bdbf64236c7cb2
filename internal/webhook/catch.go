package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pombal/internal/problem"
)

// CatchPrefix is what the path of every catch address begins with.
const CatchPrefix = "/catch/"

// CatchKept is how many caught requests of an instance can be looked at.
const CatchKept = 100

// The parts of a caught request that are kept.
const (
	catchBody = 16 << 10
	catchHead = 4 << 10
)

// Verdict is what a catcher says of a request's signature: a catalogue key.
type Verdict string

// The verdicts.
const (
	VerdictGood    Verdict = "catch.good"    // signed by a webhook of the instance
	VerdictNone    Verdict = "catch.none"    // not signed
	VerdictWrong   Verdict = "catch.wrong"   // signed, but with no secret of the instance or over another body
	VerdictTooOld  Verdict = "catch.too_old" // genuine, but its time is not now
	VerdictDamaged Verdict = "catch.damaged" // signed, but id or time is missing
)

// Verdicts returns all verdicts, so that catalogues can be checked for
// completeness.
func Verdicts() []Verdict {
	return []Verdict{VerdictGood, VerdictNone, VerdictWrong, VerdictTooOld, VerdictDamaged}
}

// Caught is a request that a catch address received.
type Caught struct {
	ID      uint64    `json:"id"` // counts up
	At      time.Time `json:"at"`
	Event   string    `json:"event,omitempty"`   // as the body says
	EventID string    `json:"eventId,omitempty"` // webhook-id
	Verdict Verdict   `json:"verdict"`
	Webhook string    `json:"webhook,omitempty"` // whose secret signed it, by name
	Head    string    `json:"head"`
	Body    string    `json:"body"` // the first bytes
	Size    int       `json:"size"` // of the whole body
}

// Whole says whether all of the body was kept.
func (c Caught) Whole() bool { return c.Size <= catchBody }

// ErrNoCaught: there is no such caught request, or no longer.
var ErrNoCaught = problem.New(problem.NotFound, "error.no_caught")

// CatchStore keeps what was caught.
type CatchStore interface {
	// AppendCaught stores a request, gives it its id and keeps the newest
	// CatchKept of an instance; the instance's not-found error.
	AppendCaught(ctx context.Context, instanceID string, c Caught) error
	// CaughtRequests lists them, newest first: at most limit, and with before
	// other than 0 those with a lower id.
	CaughtRequests(ctx context.Context, instanceID string, before uint64, limit int) ([]Caught, error)
	// CaughtRequest finds one; ErrNoCaught.
	CaughtRequest(ctx context.Context, instanceID string, id uint64) (Caught, error)
	// ClearCaught forgets those of an instance.
	ClearCaught(ctx context.Context, instanceID string) error
}

// CatcherDeps are what a Catcher needs. Only Changed may be nil.
type CatcherDeps struct {
	Store   CatchStore
	Hooks   Store
	Key     []byte // makes the addresses
	Changed func(instanceID string)
	Now     func() time.Time
}

// Catcher is a receiver inside this program: each instance has an address of
// its own that takes webhook calls, checks their signatures and shows them. So
// a first webhook can be seen to work without a second program.
type Catcher struct{ deps CatcherDeps }

// NewCatcher makes a Catcher.
func NewCatcher(d CatcherDeps) *Catcher {
	if d.Changed == nil {
		d.Changed = func(string) {}
	}
	return &Catcher{deps: d}
}

// Path is the path of an instance's catch address. Its last part cannot be
// guessed: whoever knows it can put requests on the page.
func (c *Catcher) Path(instanceID string) string {
	mac := hmac.New(sha256.New, c.deps.Key)
	mac.Write([]byte("catch " + instanceID))
	return CatchPrefix + instanceID + "/" + hex.EncodeToString(mac.Sum(nil)[:16])
}

// List gives what was caught for an instance, newest first: at most limit, and
// with before other than 0 what is older than that one.
func (c *Catcher) List(ctx context.Context, instanceID string, before uint64, limit int) ([]Caught, error) {
	return c.deps.Store.CaughtRequests(ctx, instanceID, before, limit)
}

// Get finds one caught request; ErrNoCaught.
func (c *Catcher) Get(ctx context.Context, instanceID string, id uint64) (Caught, error) {
	return c.deps.Store.CaughtRequest(ctx, instanceID, id)
}

// Clear forgets what was caught for an instance.
func (c *Catcher) Clear(ctx context.Context, instanceID string) error {
	if err := c.deps.Store.ClearCaught(ctx, instanceID); err != nil {
		return err
	}
	c.deps.Changed(instanceID)
	return nil
}

// Handle takes a request and gives the status and text of the answer. It fits
// safehttp.Inside.
func (c *Catcher) Handle(ctx context.Context, req *http.Request, body []byte) (status int, text string) {
	return c.Take(ctx, req.URL.Path, req.Header, body)
}

// Take takes a request to a path of a catch address.
func (c *Catcher) Take(ctx context.Context, path string, header http.Header, body []byte) (status int, text string) {
	instanceID, _, _ := strings.Cut(strings.TrimPrefix(path, CatchPrefix), "/")
	if !hmac.Equal([]byte(strings.TrimSuffix(path, "/")), []byte(c.Path(instanceID))) {
		return http.StatusNotFound, "there is no such catch address\n"
	}
	if err := c.keep(ctx, instanceID, header, body); err != nil {
		return http.StatusServiceUnavailable, "it could not be kept\n"
	}
	c.deps.Changed(instanceID)
	return http.StatusOK, "caught\n"
}

func (c *Catcher) keep(ctx context.Context, instanceID string, header http.Header, body []byte) error {
	hooks, err := c.deps.Hooks.Webhooks(ctx, instanceID)
	if err != nil {
		return fmt.Errorf("catch: %w", err)
	}
	var envelope struct {
		Event string `json:"event"`
	}
	_ = json.Unmarshal(body, &envelope) // a body that is no event is shown as well
	got := Caught{
		At: c.deps.Now().UTC().Round(0), Event: cut(envelope.Event, 64), EventID: cut(first(header, "webhook-id"), 64),
		Head: caughtHead(header), Body: cut(string(body), catchBody), Size: len(body),
	}
	got.Verdict, got.Webhook = c.verdict(hooks, header, body)
	return c.deps.Store.AppendCaught(ctx, instanceID, got)
}

// verdict checks a signature against the secrets of all webhooks.
func (c *Catcher) verdict(hooks []Webhook, header http.Header, body []byte) (Verdict, string) {
	id, stamp, signatures := first(header, "webhook-id"), first(header, "webhook-timestamp"), first(header, "webhook-signature")
	if signatures == "" {
		return VerdictNone, ""
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || id == "" {
		return VerdictDamaged, ""
	}
	at, now := time.Unix(seconds, 0), c.deps.Now()
	for _, w := range hooks {
		for _, secret := range w.secrets(now) {
			if !genuine(secret, id, at, body, signatures) {
				continue
			}
			if at.Before(now.Add(-tolerance)) || at.After(now.Add(tolerance)) {
				return VerdictTooOld, w.Name
			}
			return VerdictGood, w.Name
		}
	}
	return VerdictWrong, ""
}

// first finds a header whatever its case: calls that do not leave this program
// have not been through a wire that would change it.
func first(header http.Header, name string) string {
	for have, values := range header {
		if strings.EqualFold(have, name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func caughtHead(header http.Header) string {
	var lines []string
	for name, values := range header {
		for _, v := range values {
			switch strings.ToLower(name) {
			case "authorization", "cookie", "proxy-authorization":
				v = Masked
			}
			lines = append(lines, name+": "+v)
		}
	}
	slices.Sort(lines)
	return cut(strings.Join(lines, "\n"), catchHead)
}

// cut gives the first bytes of a text as valid UTF-8.
func cut(text string, most int) string {
	return strings.ToValidUTF8(text[:min(len(text), most)], "\uFFFD")
}
