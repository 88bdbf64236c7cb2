package whatsapp

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/socket"
	wmstore "go.mau.fi/whatsmeow/store"

	"pombal/internal/instance"
)

// The number of WhatsApp Web that we claim to be. WhatsApp refuses numbers that
// are months old (405), so a newer one is read off its front page now and then.
// Only the last part of a number ever changes; it is what is spoken of here.

// VersionStore keeps what was found out about versions over a restart.
type VersionStore interface {
	// EngineState is what was saved last; empty when nothing ever was.
	EngineState(ctx context.Context) ([]byte, error)
	SaveEngineState(ctx context.Context, state []byte) error
}

// VersionInfo is what people are told about versions.
type VersionInfo = instance.VersionInfo

// Limits of reading WhatsApp's page.
const (
	fetchEvery = 12 * time.Hour
	fetchLimit = 10 * time.Second
	fetchSoon  = time.Minute // after a refusal at the earliest
	maxPage    = 2 << 20

	// A number is believed up to this much beyond the compiled one, and this
	// much more for each day since. Real ones grew by 85 000 to 190 000 a day
	// in 2026; something else on the page would be far off.
	believeBase   = 5_000_000
	believePerDay = 500_000

	userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36"
)

var (
	revisionPattern = regexp.MustCompile(`"client_revision":(\d{6,10})\b`)

	errNoRevision = errors.New("the page holds no version number")
	errAbsurd     = errors.New("the version number on the page cannot be right")
)

// versionState is what is stored.
type versionState struct {
	Good      uint32               `json:"good,omitempty"` // newest number found and believed
	CheckedAt time.Time            `json:"checkedAt,omitzero"`
	Refused   map[uint32]time.Time `json:"refused,omitempty"`
	Override  uint32               `json:"override,omitempty"` // chosen by hand
	Name      string               `json:"name,omitempty"`     // what phones call our links; empty: defaultName
}

// versions chooses the number for new connections.
type versions struct {
	cfg      Config
	http     *http.Client
	compiled wmstore.WAVersionContainer
	engine   string
	built    time.Time
	wake     chan struct{}

	mu       sync.Mutex
	state    versionState
	override uint32
	failure  string
	changed  func()
}

func newVersions(cfg Config, client *http.Client) *versions {
	v := &versions{
		cfg: cfg, http: client, compiled: wmstore.GetWAVersion(), wake: make(chan struct{}, 1),
		state: versionState{Refused: map[uint32]time.Time{}},
	}
	v.engine, v.built = engineBuild()
	return v
}

// engineBuild reads the library's version and date off the binary.
func engineBuild() (version string, date time.Time) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", time.Time{}
	}
	for _, dep := range info.Deps {
		if dep.Path == "go.mau.fi/whatsmeow" {
			if parts := strings.Split(dep.Version, "-"); len(parts) == 3 {
				date, _ = time.Parse("20060102150405", parts[1]) // zero when it has another form
			}
			return dep.Version, date
		}
	}
	return "", time.Time{}
}

// KeepVersions loads what is known of versions and keeps it fresh until ctx
// ends: at once, twice a day, and soon after WhatsApp refused a number. It may
// fail for ever without harm.
func (e *Engine) KeepVersions(ctx context.Context) {
	v := e.versions
	v.load(ctx)
	for {
		if err := v.check(ctx); err != nil && ctx.Err() == nil {
			v.cfg.Log.Warn("read WhatsApp's current version", "error", err)
		}
		next := time.NewTimer(fetchEvery*3/4 + rand.N(fetchEvery/2))
		select {
		case <-ctx.Done():
			next.Stop()
			return
		case <-next.C:
		case <-v.wake:
			next.Stop()
			select {
			case <-ctx.Done():
				return
			case <-time.After(v.pause()):
			}
		}
	}
}

// CheckVersion reads WhatsApp's page now, for the button on the About card.
func (e *Engine) CheckVersion(ctx context.Context) (VersionInfo, error) {
	err := e.versions.check(ctx)
	return e.Versions(), err
}

// SetVersion overrides the number by hand; 0 ends that.
func (e *Engine) SetVersion(revision uint32) {
	v := e.versions
	v.mu.Lock()
	before := v.current()
	v.override = revision
	changed := v.changed
	same := before == v.current()
	v.mu.Unlock()
	if !same && changed != nil {
		changed()
	}
}

// OnVersion registers what to call when another number is in use; see
// instance.Engine.
func (e *Engine) OnVersion(fn func()) {
	e.versions.mu.Lock()
	defer e.versions.mu.Unlock()
	e.versions.changed = fn
}

// Versions says which versions are in use.
func (e *Engine) Versions() VersionInfo {
	v := e.versions
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.describe()
}

// current is the number for new connections: the override, else the newest one
// known that was not refused. mu must be held.
func (v *versions) current() uint32 {
	if v.override != 0 {
		return v.override
	}
	newest := max(v.state.Good, v.compiled[2])
	if _, refused := v.state.Refused[newest]; refused {
		if _, also := v.state.Refused[v.compiled[2]]; !also {
			return v.compiled[2]
		}
	}
	return newest
}

func (v *versions) full(revision uint32) wmstore.WAVersionContainer {
	return wmstore.WAVersionContainer{v.compiled[0], v.compiled[1], revision}
}

// stamp writes the number into what a client says about itself. The payload is
// the client's own copy, so that nothing is shared between connections.
func (v *versions) stamp(p *waWa6.ClientPayload) uint32 {
	v.mu.Lock()
	revision := v.current()
	v.mu.Unlock()
	full := v.full(revision)
	p.UserAgent.AppVersion = full.ProtoAppVersion()
	if p.DevicePairingData != nil {
		hash := md5.Sum([]byte(full.String())) // what the protocol asks for
		p.DevicePairingData.BuildHash = hash[:]
	}
	return revision
}

// refused notes that WhatsApp does not take a number, and looks for another.
func (v *versions) refused(revision uint32) {
	v.mu.Lock()
	before := v.current()
	_, known := v.state.Refused[revision]
	if !known {
		v.state.Refused[revision] = v.cfg.Now()
	}
	after, changed := v.current(), v.changed
	v.mu.Unlock()
	if !known {
		v.save()
	}
	if after != before && changed != nil {
		changed()
	}
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// accepted notes that WhatsApp takes a number.
func (v *versions) accepted(revision uint32) {
	v.mu.Lock()
	_, was := v.state.Refused[revision]
	delete(v.state.Refused, revision)
	v.mu.Unlock()
	if was {
		v.save()
	}
}

// pause keeps refusals of many instances from becoming as many requests.
func (v *versions) pause() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return max(fetchSoon-v.cfg.Now().Sub(v.state.CheckedAt), 0)
}

// check reads the page and uses what it says, if that can be believed.
func (v *versions) check(ctx context.Context) error {
	revision, err := v.fetch(ctx)
	v.mu.Lock()
	before := v.current()
	v.failure = ""
	if err != nil {
		v.failure = err.Error()
	} else {
		v.state.CheckedAt = v.cfg.Now()
		v.state.Good = max(v.state.Good, revision)
	}
	after, changed := v.current(), v.changed
	v.mu.Unlock()
	if err != nil {
		return err
	}
	v.save()
	if after != before {
		v.cfg.Log.Info("another WhatsApp version is in use", "version", v.full(after).String())
		if changed != nil {
			changed()
		}
	}
	return nil
}

func (v *versions) fetch(ctx context.Context) (uint32, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, socket.Origin, nil)
	if err != nil {
		return 0, err
	}
	for name, value := range map[string]string{
		"User-Agent": userAgent, "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none",
		"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "en-US,en;q=0.9",
	} {
		req.Header.Set(name, value)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		return 0, err
	}
	page, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	_ = resp.Body.Close() // the page has been read, or err says why not
	switch {
	case err != nil:
		return 0, err
	case resp.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("the page answered %d", resp.StatusCode)
	}
	found := revisionPattern.FindSubmatch(page)
	if found == nil {
		return 0, errNoRevision
	}
	revision, err := strconv.ParseUint(string(found[1]), 10, 32)
	if err != nil || !v.believable(uint32(revision)) {
		return 0, fmt.Errorf("%w: %s", errAbsurd, found[1])
	}
	return uint32(revision), nil
}

// believable says whether a number can be a version that came after ours. The
// compiled one itself is fine and changes nothing.
func (v *versions) believable(revision uint32) bool {
	days := int64(0)
	if !v.built.IsZero() {
		days = max(int64(v.cfg.Now().Sub(v.built).Hours()/24), 0)
	}
	most := int64(v.compiled[2]) + believeBase + believePerDay*days
	return revision >= v.compiled[2] && int64(revision) <= most
}

func (v *versions) load(ctx context.Context) {
	if v.cfg.Versions == nil {
		return
	}
	raw, err := v.cfg.Versions.EngineState(ctx)
	if err != nil {
		v.cfg.Log.Error("load what is known of WhatsApp's versions", "error", err)
		return
	}
	var state versionState
	if len(raw) == 0 || json.Unmarshal(raw, &state) != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if state.Refused == nil {
		state.Refused = map[uint32]time.Time{}
	}
	if !v.believable(state.Good) {
		state.Good = 0 // from a newer program, or nonsense
	}
	v.state = state
	v.override = state.Override
}

func (v *versions) save() {
	if err := v.store(); err != nil {
		v.cfg.Log.Error("store what is known of WhatsApp's versions", "error", err)
	}
}

func (v *versions) store() error {
	if v.cfg.Versions == nil {
		return nil
	}
	v.mu.Lock()
	raw, err := json.Marshal(v.state)
	v.mu.Unlock()
	if err != nil {
		return err
	}
	return v.cfg.Versions.SaveEngineState(context.Background(), raw)
}
