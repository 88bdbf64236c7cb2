// Pombal is a WhatsApp gateway with a dashboard: one program, one file.
package main

import (
	"context"
	"crypto/rand"
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
	"strings"
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
	"pombal/internal/maintain"
	"pombal/internal/media"
	"pombal/internal/qrcode"
	"pombal/internal/safehttp"
	"pombal/internal/service"
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
	service.KeepFilesPrivate()
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
	case "unit":
		_, err = io.WriteString(stdout, service.Unit())
	case "version":
		_, err = fmt.Fprintf(stdout, "pombal %s (%s)\n", version, engineVersion())
	case "help":
		err = help(stdout)
	default:
		err = maintenance(ctx, command, args, environ, stdout)
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
  pombal unit                 print a unit file for systemd, which brings Pombal back whenever it ends
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

// maintenance runs a command on the data file. Its mistakes are those of the
// command line, of a setting or of a file, which no retry cures.
func maintenance(ctx context.Context, name string, args, environ []string, out io.Writer) error {
	command, ok := maintain.Find(name)
	if !ok {
		return usageError{fmt.Errorf("unknown command %q; see: pombal help", name)}
	}
	file := ""
	if command.TakesFile {
		if file, args = operand(args); file == "" {
			return usageError{fmt.Errorf("%s needs the name of a file; see: pombal help", name)}
		}
	}
	cfg, err := config.Load(args, environ)
	if err != nil {
		return usageError{err}
	}
	if err := command.Run(ctx, cfg.Data, file, out); err != nil {
		return usageError{err}
	}
	return nil
}

// operand takes the name of a file off the arguments, before or after the
// settings.
func operand(args []string) (file string, rest []string) {
	last := len(args) - 1
	switch {
	case last < 0:
		return "", nil
	case !strings.HasPrefix(args[0], "-"):
		return args[0], args[1:]
	case !strings.HasPrefix(args[last], "-"):
		return args[last], args[:last]
	default:
		return "", args
	}
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
	db, err := maintain.Open(ctx, p.cfg.Data, p.cfg.InsecurePerms, p.log)
	if err != nil {
		return usageError{err}
	}
	crashes, err := p.watchCrashes(&open)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	open.add(db.Close)
	open.add(maintain.Control(db, p.cfg.Data, p.log))
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
	users := auth.NewService(auth.Deps{Store: db, GlobalKey: p.cfg.APIKey, Log: p.log})
	if err := users.LoadUses(ctx); err != nil {
		return err
	}
	open.add(inBackground(users.KeepUses))
	sender := webhook.NewSender(outbound, version, time.Now).WithTokens(tokenText(users))
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
		Timing: p.timing(), Storage: db.Ready,
	})
	db.OnHealed(instances.Renew)
	webhooks = webhook.NewService(webhook.ServiceDeps{
		Store: db, Outbox: db, Ledger: db, Sender: sender, Retry: dispatcher.Retry, CheckURL: outbound.Check,
		Probe: outbound.Probe,
		Changed: func(instanceID, id string) {
			hub.Publish(live.SignalHook(id), live.SignalInstance(instanceID))
			dispatcher.Wake()
		},
	})
	download := safehttp.New(p.downloadPolicy(listener, catcher))
	open.add(func() error { download.Close(); return nil })
	files, err := media.NewDesk(p.cfg.Data+".media", download)
	if err != nil {
		return err
	}
	keeper := maintain.NewService(db, p.cfg.Data, p.log, time.Now)
	server, err := web.NewServer(web.Deps{
		Upkeep: keeper,
		Config: p.webConfig(), Instances: instances, Webhooks: webhooks, Ledger: webhooks, Events: db, Catch: catcher, Auth: users,
		Audit: journal, Versions: engine, Crashes: crashes, History: db, Files: files, Hub: hub, QRPNG: qrcode.PNG, Log: p.log, Ready: db.Ready,
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
	if err := p.collectMore(ctx, instances); err != nil {
		return err
	}
	open.add(inBackground(func(ctx context.Context) { keeper.Sweep(ctx, keys) }))

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

// timing is the clock of instances: WhatsApp's own, but for the QR codes and the
// pace of a stand-in where the settings say so.
func (p *product) timing() instance.Timing {
	t := instance.DefaultTiming()
	if life := p.cfg.WhatsAppCodeTime; life > 0 {
		t.QRFirst, t.QRNext = life, life
	}
	if rate := p.cfg.WhatsAppRate; rate > 0 {
		every := time.Second / time.Duration(rate)
		t.StartEvery, t.DialEvery, t.UrgentEvery = every, every, every
	}
	return t
}

// collectMore has the garbage collector run for the numbers that are linked,
// unless GOGC is set: that is the operator's word.
func (p *product) collectMore(ctx context.Context, instances *instance.Manager) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	all, err := instances.List(ctx)
	if err != nil {
		return err
	}
	linked := 0
	for _, in := range all {
		if in.Linked() {
			linked++
		}
	}
	service.CollectMore(linked)
	return nil
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
	if err := p.demo.Fill(ctx, instances, hooks); err != nil {
		return err
	}
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

// engine makes the WhatsApp engine, pointed at a stand-in where the settings
// or the demo say so.
func (p *product) engine(keys *wastore.Container, db *store.DB) (*whatsapp.Engine, error) {
	cfg := whatsapp.Config{Devices: keys, Unknown: wastore.ErrNoDevice, Versions: db, Log: p.log, Now: time.Now}
	address, ca, root := p.cfg.WhatsAppURL, []byte(nil), p.cfg.WhatsAppRootKey
	if p.demo != nil {
		address, ca, root = p.demo.Network.URL(), p.demo.Network.CAPEM(), p.demo.Network.RootKey()
	}
	if address == "" {
		return whatsapp.NewEngine(cfg)
	}
	var err error
	if ca == nil {
		if ca, err = os.ReadFile(p.cfg.WhatsAppCA); err != nil {
			return nil, usageError{fmt.Errorf("read --whatsapp-ca: %w", err)}
		}
	}
	if cfg.Endpoint, err = whatsapp.NewEndpoint(address, ca, root); err != nil {
		return nil, usageError{err}
	}
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

// tokenText gives the text of instance tokens to webhooks that ask for it.
func tokenText(users *auth.Service) webhook.TokenText {
	return func(ctx context.Context, instanceID, tokenID string, issued time.Time) (string, error) {
		return users.InstanceToken(ctx, auth.InstanceClaims{InstanceID: instanceID, TokenID: tokenID, IssuedAt: issued})
	}
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
// says in the log at the start that there was one; pages say it too. It is the last thing to close: only an
// end in order counts as one.
func (p *product) watchCrashes(open *closers) (*crash.Log, error) {
	log, err := crash.Open(p.cfg.Data)
	if err != nil {
		return nil, err
	}
	open.add(log.Close)
	if r := log.Report(); r.AfterCrash {
		p.log.Warn("the last run did not end in order", "crashes", r.Crashes, "kills", r.Kills, "last", r.LastCrash)
	}
	return log, nil
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

// downloadPolicy is for files whose addresses programs give: what such an
// address holds goes to whoever they choose, so only what is public may be
// fetched, and what the operator has opened for webhooks.
func (p *product) downloadPolicy(listener net.Listener, catcher *webhook.Catcher) safehttp.Policy {
	policy := p.outboundPolicy(listener, catcher)
	policy.Mode, policy.PlainHTTP, policy.Inside = safehttp.ModePublic, true, safehttp.Inside{}
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
		cfg.Demo = &views.Demo{PhoneURL: p.demo.PhoneURL(), ReceiverURL: p.demo.ReceiverURL(), Filled: p.demo.Filled}
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
