// Pombal is a WhatsApp gateway with a dashboard: one program, one file.
package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/config"
	"pombal/internal/crash"
	"pombal/internal/demo"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/live"
	"pombal/internal/qrcode"
	"pombal/internal/safehttp"
	"pombal/internal/store"
	"pombal/internal/wastore"
	"pombal/internal/webhook"
	"pombal/internal/whatsapp"
	"pombal/views"
	"pombal/web"
)

// version is what "pombal version" and the pages say.
const version = "0.1.0"

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it ran and failed
	exitUsage  = 2 // the command line, a setting or the data file is wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is the program without the process around it.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	command, args := command(args)
	var err error
	switch command {
	case "serve":
		err = serve(ctx, args, environ, stdout, stderr)
	case "demo":
		err = runDemo(ctx, args, environ, stdout, stderr)
	case "check", "compact", "backup", "restore":
		err = maintain(ctx, command, args, environ, stdout)
	case "version":
		_, err = fmt.Fprintf(stdout, "pombal %s (%s)\n", version, engineVersion())
	case "help":
		err = help(stdout)
	default:
		err = usageError{fmt.Errorf("unknown command %q; see: pombal help", command)}
	}
	if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return exitOK
	}
	fmt.Fprintln(stderr, "pombal:", err)
	if errors.As(err, &usageError{}) {
		return exitUsage
	}
	return exitFailed
}

// usageError is a mistake that no retry cures.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// command takes the command off the arguments; without one it is serve.
func command(args []string) (string, []string) {
	if len(args) == 0 {
		return "serve", nil
	}
	switch first := args[0]; {
	case first == "-h", first == "-help", first == "--help":
		return "help", nil
	case first[:min(1, len(first))] == "-":
		return "serve", args
	default:
		return first, args[1:]
	}
}

func help(w io.Writer) error {
	_, err := fmt.Fprint(w, `Pombal keeps WhatsApp numbers linked, watched and wired to your other programs.

  pombal [serve] [settings]   run the gateway and its dashboard
  pombal demo                 try everything against a stand-in network, without a phone
  pombal backup FILE          copy the data file, while Pombal runs or not
  pombal restore FILE         put a backup in its place; the old file is kept
  pombal check                look for damage to the data file
  pombal compact              give back the space that is free in it
  pombal version              say which version this is
  pombal help                 show this text

`)
	if err == nil {
		err = config.Usage(w)
	}
	return err
}

// engineVersion names the WhatsApp engine that this binary was built with.
func engineVersion() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, dep := range info.Deps {
			if dep.Path == "go.mau.fi/whatsmeow" {
				return "whatsmeow " + dep.Version
			}
		}
	}
	return "unknown engine"
}

// serve runs the gateway until ctx ends.
func serve(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	cfg, err := config.Load(args, environ)
	if err != nil {
		return usageError{err}
	}
	p := product{cfg: cfg, log: newLog(stderr), stdout: stdout}
	return p.run(ctx)
}

// runDemo runs the same product on a temporary file against the stand-in
// network.
func runDemo(ctx context.Context, args, environ []string, stdout, stderr io.Writer) (err error) {
	cfg, err := config.Load(args, environ)
	if err != nil {
		return usageError{err}
	}
	dir, err := os.MkdirTemp("", "pombal-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg.Data = filepath.Join(dir, "demo.db")
	world, err := demo.Start(demo.Config{Log: newLog(stderr), Addr: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	cfg.WebhookAllow.HostPorts = append(cfg.WebhookAllow.HostPorts, world.Addr())
	p := product{cfg: cfg, log: newLog(stderr), stdout: stdout, demo: world}
	return p.run(ctx)
}

// product is one running Pombal: what the settings say, and the demo's world
// when there is one.
type product struct {
	cfg    config.Config
	log    *slog.Logger
	stdout io.Writer
	demo   *demo.Demo
}

// run opens, wires, serves and closes, in this order; closing is the reverse.
func (p *product) run(ctx context.Context) (err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()

	listener, err := net.Listen("tcp", p.cfg.Addr)
	if err != nil {
		return usageError{fmt.Errorf("listen on %s: %w", p.cfg.Addr, err)}
	}
	open.add(func() error { return ignoreClosed(listener.Close()) })
	db, err := openData(ctx, p.cfg.Data, p.log)
	if err != nil {
		return err
	}
	if err := p.watchCrashes(&open); err != nil {
		return errors.Join(err, db.Close())
	}
	open.add(db.Close)
	open.add(startControl(db, p.cfg.Data, p.log))
	keys, err := wastore.New(db, wastore.Options{Log: p.log})
	if err != nil {
		return err
	}
	open.add(keys.Close)
	engine, err := p.engine(keys, db)
	if err != nil {
		return err
	}
	open.add(inBackground(engine.KeepVersions))

	hub := live.NewHub(live.Options{})
	journal := audit.NewLog(db, time.Now)
	catcher, err := newCatcher(ctx, db, hub)
	if err != nil {
		return err
	}
	outbound := safehttp.New(p.outboundPolicy(listener, catcher))
	open.add(func() error { outbound.Close(); return nil })
	sender := webhook.NewSender(outbound, version, time.Now)
	var webhooks *webhook.Service // made below; nothing is sent before
	dispatcher := webhook.NewDispatcher(webhook.DispatcherDeps{
		Outbox: db, Sender: sender, Log: p.log,
		Stop: func(ctx context.Context, w webhook.Webhook, reason string) error {
			return stopHook(ctx, webhooks, journal, w, reason)
		},
		Changed: func(id string) { hub.Publish(live.SignalHook(id)) },
	})
	recorder := event.NewRecorder(db, func([]event.Event) {
		dispatcher.Wake()
		hub.Publish(live.SignalLog)
	})
	instances := instance.NewManager(instance.Deps{
		Store: db, Engine: engine, Recorder: recorder, Notify: hub.Publish, Picture: qrcode.DataURL, Log: p.log, Now: time.Now,
	})
	webhooks = webhook.NewService(webhook.ServiceDeps{
		Store: db, Outbox: db, Ledger: db, Sender: sender, Retry: dispatcher.Retry, CheckURL: outbound.Check,
		Changed: func(instanceID, id string) {
			hub.Publish(live.SignalHook(id), live.SignalInstance(instanceID))
			dispatcher.Wake()
		},
	})
	users := auth.NewService(auth.Deps{Store: db, GlobalKey: p.cfg.APIKey, Log: p.log})
	server, err := web.NewServer(web.Deps{
		Config: p.webConfig(), Instances: instances, Webhooks: webhooks, Ledger: webhooks, Events: db, Catch: catcher, Auth: users,
		Audit: journal, History: db, Hub: hub, QRPNG: qrcode.PNG, Log: p.log, Ready: db.Ready,
	})
	if err != nil {
		return err
	}

	if err := instances.EnsureBusiness(ctx, "Pombal"); err != nil {
		return err
	}
	if err := dispatcher.Start(ctx); err != nil {
		return err
	}
	open.add(func() error { return dispatcher.Close(context.Background()) })
	if err := instances.Start(ctx); err != nil {
		return err
	}
	open.add(func() error { instances.Close(); return nil })
	open.add(startTidying(keys, db, p.log))

	if err := p.welcome(ctx, db, users, instances, webhooks, listener.Addr().String()); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	open.add(func() error { return stopServer(server, served) })
	select {
	case <-ctx.Done():
		p.log.Info("stopping")
		return nil
	case err := <-served:
		served <- nil
		return fmt.Errorf("serve: %w", err)
	}
}

// stopLimit is how long requests and open pages may take to end.
const stopLimit = 10 * time.Second

// stopServer ends open pages and running requests, then waits for Serve.
func stopServer(server *web.Server, served <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	return errors.Join(server.Shutdown(ctx), <-served)
}

// welcome says where to go, and how to get in the first time.
func (p *product) welcome(ctx context.Context, db *store.DB, users *auth.Service, instances *instance.Manager, hooks *webhook.Service, addr string) error {
	home := "http://" + addr
	if p.cfg.PublicURL != "" {
		home = p.cfg.PublicURL
	}
	if p.demo != nil {
		return p.welcomeDemo(ctx, db, users, instances, hooks, home)
	}
	if p.cfg.OwnerEmail != "" {
		if err := users.EnsureOwner(ctx, p.cfg.OwnerEmail, p.cfg.OwnerPassword); err != nil {
			return err
		}
	}
	code, needed, err := users.SetupCode(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Pombal is ready: %s\n", home)
	if needed {
		fmt.Fprintf(p.stdout, "Create the first account at %s/setup with this code: %s\n", home, code)
	}
	fmt.Fprintln(p.stdout)
	return nil
}

// welcomeDemo fills the demo and prints the link that signs its owner in.
func (p *product) welcomeDemo(ctx context.Context, db *store.DB, users *auth.Service, instances *instance.Manager, hooks *webhook.Service, home string) error {
	owner := "owner@demo.invalid"
	if err := users.EnsureOwner(ctx, owner, rand.Text()); err != nil {
		return err
	}
	for i, name := range []string{"Loja Centro", "Support"} {
		in, err := instances.Create(ctx, instance.CreateParams{Name: name})
		if err != nil {
			return err
		}
		if i == 0 {
			_, err = hooks.Create(ctx, webhook.CreateParams{
				InstanceID: in.ID, Name: "Demo receiver", URL: p.demo.ReceiverURL(), Enabled: true,
			})
			if err != nil {
				return err
			}
		}
	}
	p.demo.Show(func() []demo.Screen { return screens(ctx, instances) })
	user, err := db.UserByEmail(ctx, owner)
	if err != nil {
		return err
	}
	token, _, err := users.OpenSession(ctx, user.ID, auth.SessionParams{Address: "127.0.0.1", UserAgent: "demo"})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Pombal's demo is ready. Nothing here reaches WhatsApp, and nothing is kept.\n"+
		"  Start here: %s\n  The phones: %s\n  What webhooks brought: %s\n\n",
		p.demo.Invite(rand.Text(), web.SessionCookie, token, home+"/instances"), p.demo.PhoneURL(), p.demo.ReceiverURL())
	return nil
}

// screens are the QR codes that a phone could be pointed at now.
func screens(ctx context.Context, instances *instance.Manager) []demo.Screen {
	var all []demo.Screen
	list, err := instances.List(ctx)
	if err != nil {
		return nil
	}
	for _, in := range list {
		if in.Status.Phase != instance.PhaseQR {
			continue
		}
		if code, ok := instances.Peek(in.ID); ok {
			all = append(all, demo.Screen{ID: in.ID, Name: in.Name, Code: code.Code})
		}
	}
	return all
}

// engine makes the WhatsApp engine, pointed at a stand-in where the settings
// or the demo say so.
func (p *product) engine(keys *wastore.Container, db *store.DB) (*whatsapp.Engine, error) {
	cfg := whatsapp.Config{Devices: keys, Unknown: wastore.ErrNoDevice, Versions: db, Log: p.log, Now: time.Now}
	address, pem, root := p.cfg.WhatsAppURL, []byte(nil), p.cfg.WhatsAppRootKey
	if p.demo != nil {
		address, pem, root = p.demo.Network.URL(), p.demo.Network.CAPEM(), p.demo.Network.RootKey()
	}
	if address == "" {
		return whatsapp.NewEngine(cfg)
	}
	if pem == nil {
		var err error
		if pem, err = os.ReadFile(p.cfg.WhatsAppCA); err != nil {
			return nil, usageError{fmt.Errorf("read --whatsapp-ca: %w", err)}
		}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usageError{fmt.Errorf("--whatsapp-ca %s holds no PEM certificate", p.cfg.WhatsAppCA)}
	}
	target, err := url.Parse(address)
	if err != nil {
		return nil, usageError{fmt.Errorf("--whatsapp-url: %w", err)}
	}
	cfg.Endpoint = &whatsapp.Endpoint{URL: target, CA: pool, RootKey: root}
	return whatsapp.NewEngine(cfg)
}

// newCatcher makes the receiver inside this program.
func newCatcher(ctx context.Context, db *store.DB, hub *live.Hub) (*webhook.Catcher, error) {
	key, err := db.Secret(ctx, "catch")
	if err != nil {
		return nil, err
	}
	return webhook.NewCatcher(webhook.CatcherDeps{
		Store: db, Hooks: db, Key: key, Now: time.Now,
		Changed: func(id string) { hub.Publish(live.SignalHook("catch-" + id)) },
	}), nil
}

// stopHook notes that a receiver is gone, and that nobody but Pombal decided
// so.
func stopHook(ctx context.Context, hooks *webhook.Service, journal *audit.Log, w webhook.Webhook, reason string) error {
	if err := hooks.Stop(ctx, w, reason); err != nil {
		return err
	}
	return journal.Append(ctx, audit.Entry{
		Actor: "system", Action: "webhook.stop", Object: "webhook:" + w.ID,
		Detail: map[string]string{"instance": w.InstanceID, "name": w.Name, "reason": reason},
	})
}

// watchCrashes has the last words of a crash written beside the data file, and
// says at the start that there was one. It is the last thing to close: only an
// end in order counts as one.
func (p *product) watchCrashes(open *closers) error {
	log, err := crash.Open(p.cfg.Data)
	if err != nil {
		return err
	}
	open.add(log.Close)
	if r := log.Report(); r.AfterCrash {
		p.log.Warn("the last run did not end in order", "crashes", r.Crashes, "kills", r.Kills, "last", r.LastCrash)
	}
	return nil
}

// inBackground runs fn until the returned function is called, which waits for
// its end.
func inBackground(fn func(context.Context)) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(ctx)
	}()
	return func() error {
		cancel()
		<-done
		return nil
	}
}

// outboundPolicy keeps webhooks away from this program's own address, but for
// its catch addresses.
func (p *product) outboundPolicy(listener net.Listener, catcher *webhook.Catcher) safehttp.Policy {
	policy := safehttp.Policy{
		AllowPrefixes: p.cfg.WebhookAllow.Prefixes, AllowHostPorts: p.cfg.WebhookAllow.HostPorts,
		Inside: safehttp.Inside{Prefix: webhook.CatchPrefix, Handle: catcher.Handle},
	}
	if u, err := url.Parse(p.cfg.PublicURL); err == nil && u.Host != "" {
		policy.Inside.Hosts = append(policy.Inside.Hosts, u.Host)
	}
	if own, err := netip.ParseAddrPort(listener.Addr().String()); err == nil {
		policy.Own = append(policy.Own, own)
	}
	return policy
}

func (p *product) webConfig() web.Config {
	cfg := web.Config{
		PublicURL: p.cfg.PublicURL, Version: version, StandIn: p.cfg.WhatsAppURL != "",
	}
	for _, proxy := range p.cfg.TrustedProxies {
		cfg.TrustedProxies = append(cfg.TrustedProxies, proxy.String())
	}
	if p.demo != nil {
		cfg.Demo = &views.Demo{PhoneURL: p.demo.PhoneURL(), ReceiverURL: p.demo.ReceiverURL()}
	}
	return cfg
}

// newLog makes the log: JSON lines, so that no text from outside can forge one.
func newLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// closers are what is open; the newest closes first.
type closers []func() error

func (c *closers) add(fn func() error) { *c = append(*c, fn) }

func (c *closers) close() error {
	var err error
	for i := len(*c) - 1; i >= 0; i-- {
		err = errors.Join(err, (*c)[i]())
	}
	return err
}

// ignoreClosed forgives closing a listener that the server closed already.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Housekeeping: how often expired sessions and the keys of deleted devices are
// swept, and how many keys go in one transaction, so that nobody waits long.
const (
	tidyEvery = time.Hour
	tidyKeys  = 2000
)

// startTidying sweeps now and then until the returned function is called,
// which waits for a running sweep.
func startTidying(keys *wastore.Container, db *store.DB, log *slog.Logger) (stop func() error) {
	return inBackground(func(ctx context.Context) {
		tick := time.NewTicker(tidyEvery)
		defer tick.Stop()
		for {
			if err := tidy(ctx, keys, db); err != nil && ctx.Err() == nil {
				log.Error("sweep what has expired", "error", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

func tidy(ctx context.Context, keys *wastore.Container, db *store.DB) error {
	for {
		left, err := keys.Sweep(ctx, tidyKeys)
		if err != nil {
			return err
		}
		if !left {
			break
		}
	}
	if err := db.DeleteSessionsBefore(ctx, time.Now().Add(-auth.KeepAbsoluteLimit)); err != nil {
		return err
	}
	return db.Sweep(ctx, store.Retention{})
}
