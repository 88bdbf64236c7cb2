// Package demo is what `pombal demo` adds to the product: the stand-in network
// in the same process, a page that plays the phones, and a page that receives
// webhooks. It listens on a loopback port of its own, so nothing of it can be
// reached through the product's address.
package demo

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"pombal/internal/wasim"
)

// Screen is a dashboard page with a QR code on it, as a phone's camera would
// see it.
type Screen struct {
	ID   string // of the instance
	Name string
	Code string // the text of the QR code
}

// Config is what Start needs.
type Config struct {
	Log  *slog.Logger
	Addr string // loopback host:port, port 0 for any
}

// Demo is the running stand-in world.
type Demo struct {
	Network *wasim.Server

	log      *slog.Logger
	web      *http.Server
	listener net.Listener
	served   chan struct{}
	receiver *receiver

	linking context.Context // of links that take long; ended by Close
	unlink  context.CancelFunc
	links   sync.WaitGroup

	mu      sync.Mutex
	screens func() []Screen // what can be scanned now; nil until Fill
	entry   entry
	filled  []string // the ids of the instances that Fill made
}

// entry is the one-time way in.
type entry struct {
	key, cookie, token, target string
}

// limits of the demo's own little server.
const (
	readLimit  = 15 * time.Second
	closeLimit = 2 * time.Second
)

// Start starts the stand-in network with three phones, and the demo's pages.
func Start(cfg Config) (*Demo, error) {
	network, err := wasim.Start(wasim.Config{})
	if err != nil {
		return nil, fmt.Errorf("start the stand-in network: %w", err)
	}
	network.NewPhone("5511987650001", "Loja Centro")
	network.NewPhone("5521998880002", "Nina")
	network.NewPhone("919876543210", "Asha")
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the demo's pages: %w", err), network.Close())
	}
	d := &Demo{
		Network: network, log: cfg.Log, listener: listener, served: make(chan struct{}),
		receiver: newReceiver(),
	}
	d.linking, d.unlink = context.WithCancel(context.Background())
	handler, err := d.routes()
	if err != nil {
		return nil, errors.Join(err, listener.Close(), network.Close())
	}
	d.web = &http.Server{Handler: handler, ReadTimeout: readLimit, WriteTimeout: readLimit, MaxHeaderBytes: 16 << 10}
	go func() {
		defer close(d.served)
		if err := d.web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			d.log.Error("serve the demo's pages", "error", err)
		}
	}()
	return d, nil
}

// showScreens tells the phones what can be scanned.
func (d *Demo) showScreens(screens func() []Screen) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.screens = screens
}

// Addr is the host:port of the demo's pages.
func (d *Demo) Addr() string { return d.listener.Addr().String() }

// PhoneURL is the page that plays the phones.
func (d *Demo) PhoneURL() string { return "http://" + d.Addr() + "/phone" }

// ReceiverURL is the page that shows what webhooks brought, and the address
// that webhooks call.
func (d *Demo) ReceiverURL() string { return "http://" + d.Addr() + "/hook" }

// Invite makes the link that signs the owner in: it sets the session cookie
// and goes on to the dashboard. Cookies do not tell ports apart, so one set
// here is sent there. The link serves once.
func (d *Demo) Invite(key, cookie, token, target string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entry = entry{key: key, cookie: cookie, token: token, target: target}
	return "http://" + d.Addr() + "/enter/" + key
}

func (d *Demo) enter(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	e := d.entry
	ok := e.key != "" && subtle.ConstantTimeCompare([]byte(r.PathValue("key")), []byte(e.key)) == 1
	if ok {
		d.entry = entry{target: e.target}
	}
	d.mu.Unlock()
	if ok {
		http.SetCookie(w, &http.Cookie{
			Name: e.cookie, Value: e.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
	}
	http.Redirect(w, r, e.target, http.StatusSeeOther)
}

// Close stops the pages and the network and waits for both.
func (d *Demo) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	err := d.web.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = d.web.Close()
	}
	<-d.served
	d.unlink()
	d.links.Wait()
	return errors.Join(err, d.Network.Close())
}

// What the phone page refuses.
var (
	errNoPhone  = errors.New("no such phone")
	errNoDevice = errors.New("the phone has no such linked device")
	errNoScreen = errors.New("no code is on the screen")
	errNoAct    = errors.New("there is no such button")
)
