// Package whatsapp drives the WhatsApp library for package instance. It alone
// knows the library's client: what the library tells is turned into signals
// and events here, and nothing of it leaks further.
package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"go.mau.fi/libsignal/logger"
	"go.mau.fi/whatsmeow"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/instance"
)

// Devices keeps the keys of linked devices; wastore.Container is the real one.
type Devices interface {
	// NewDevice makes fresh keys that are stored once they are linked.
	NewDevice() *wmstore.Device
	// Device loads a linked device.
	Device(ctx context.Context, jid types.JID) (*wmstore.Device, error)
	// Erase deletes a device's keys durably; nil when there are none.
	Erase(ctx context.Context, jid types.JID) error
	// Devices lists all linked devices.
	Devices(ctx context.Context) ([]types.JID, error)
	// FailFast gives a context that ends as soon as one of the store's calls
	// with it fails. The caller must call release.
	FailFast(ctx context.Context) (_ context.Context, release context.CancelFunc)
}

// Config is what NewEngine needs.
type Config struct {
	Devices  Devices      // must not be nil
	Unknown  error        // what Devices.Device answers for a device it has no keys of
	Log      *slog.Logger // must not be nil
	Now      func() time.Time
	Endpoint *Endpoint    // nil: WhatsApp itself
	Versions VersionStore // nil: nothing is remembered of versions
}

// Engine opens sessions with WhatsApp.
type Engine struct {
	cfg  Config
	http *http.Client
	// decodes has a place for each history that is being taken in.
	decodes  chan struct{}
	versions *versions
}

var _ instance.Engine = (*Engine)(nil)

// setUpLibrary sets what the libraries keep in variables of their own, once in
// a process: libsignal's logger, which would print to standard output.
var setUpLibrary = sync.OnceFunc(func() {
	var silent logger.Loggable = silentSignal{}
	logger.Setup(&silent)
})

// rootKey guards the library's Noise root key, one variable for the process.
var rootKey sync.Mutex

// trustRoot replaces the root key that WhatsApp's certificates are checked
// against. It writes only when need be: connections read it without a lock.
func trustRoot(key [32]byte) {
	rootKey.Lock()
	defer rootKey.Unlock()
	if whatsmeow.WACertPubKey != key {
		whatsmeow.WACertPubKey = key
	}
}

// NewEngine makes an Engine. With an Endpoint it replaces the library's Noise
// root key, which is one for the process.
func NewEngine(cfg Config) (*Engine, error) {
	setUpLibrary()
	if cfg.Endpoint != nil {
		trustRoot(cfg.Endpoint.RootKey)
	}
	client := httpClient(cfg.Endpoint)
	return &Engine{
		cfg: cfg, http: client, decodes: make(chan struct{}, maxDecodes), versions: newVersions(cfg, client),
	}, nil
}

// Open makes a session; see instance.Engine.
func (e *Engine) Open(ctx context.Context, p instance.OpenParams) (instance.Session, error) {
	device, err := e.device(ctx, p.Device)
	if err != nil {
		return nil, err
	}
	return newSession(e, p, device), nil
}

func (e *Engine) device(ctx context.Context, text string) (*wmstore.Device, error) {
	if text == "" {
		return e.cfg.Devices.NewDevice(), nil
	}
	jid, err := types.ParseJID(text)
	if err != nil {
		return nil, fmt.Errorf("parse device %q: %w", text, err)
	}
	device, err := e.cfg.Devices.Device(ctx, jid)
	if errors.Is(err, e.cfg.Unknown) {
		return nil, instance.ErrUnknownDevice
	}
	return device, err
}

// Erase deletes the keys of a device; see instance.Engine.
func (e *Engine) Erase(ctx context.Context, device string) error {
	jid, err := types.ParseJID(device)
	if err != nil {
		return fmt.Errorf("parse device %q: %w", device, err)
	}
	return e.cfg.Devices.Erase(ctx, jid)
}

// Devices lists the devices whose keys are kept; see instance.Engine.
func (e *Engine) Devices(ctx context.Context) ([]string, error) {
	jids, err := e.cfg.Devices.Devices(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]string, len(jids))
	for i, jid := range jids {
		list[i] = jid.String()
	}
	return list, nil
}
