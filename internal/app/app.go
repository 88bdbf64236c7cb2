// Package app puts the parts of Pombal together: it opens them in order,
// serves until it is told to end, and closes them in the reverse order. It holds
// no rule of its own about instances, webhooks or pages.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/config"
	"pombal/internal/crash"
	"pombal/internal/demo"
	"pombal/internal/instance"
	"pombal/internal/live"
	"pombal/internal/maintain"
	"pombal/internal/safehttp"
	"pombal/internal/service"
	"pombal/internal/store"
	"pombal/internal/wastore"
	"pombal/internal/webhook"
	"pombal/internal/whatsapp"
	"pombal/web"
)

// Params are what a run needs besides the time until which it runs.
type Params struct {
	Config  config.Config
	Version string    // of the program, for pages and webhooks
	Stdout  io.Writer // says where to go; must not be nil
	Stderr  io.Writer // the log; must not be nil
}

// Mistake is an error that no retry cures: the command line, a setting or the
// data file is wrong.
type Mistake struct{ error }

// NewMistake marks err as one that no retry cures.
func NewMistake(err error) Mistake { return Mistake{err} }

// Unwrap returns the error that was marked.
func (m Mistake) Unwrap() error { return m.error }

// Serve runs the gateway until ctx ends.
func Serve(ctx context.Context, params Params) error {
	p := product{cfg: params.Config, version: params.Version, stdout: params.Stdout, log: newLog(params.Stderr)}
	return p.run(ctx)
}

// newLog makes the log: JSON lines, so that no text from outside can forge one.
func newLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// product is one running Pombal: what it was started with, and its parts, which
// run makes one after the other.
type product struct {
	cfg     config.Config
	version string
	log     *slog.Logger
	stdout  io.Writer
	demo    *demo.Demo // the stand-in world, when there is one

	open     closers
	listener net.Listener
	crashes  *crash.Log
	db       *store.DB
	keys     *wastore.Container
	engine   *whatsapp.Engine

	hub      *live.Hub
	journal  *audit.Log
	users    *auth.Service
	catcher  *webhook.Catcher
	outbound *safehttp.Client

	dispatcher *webhook.Dispatcher
	instances  *instance.Manager
	webhooks   *webhook.Service
	keeper     *maintain.Service
	server     *web.Server
}

// run opens, wires, serves and closes, in this order; closing is the reverse.
func (p *product) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, p.open.close()) }()
	steps := []func(context.Context) error{
		p.listen, p.openFile, p.openEngine, p.openAccounts, // what others stand on
		p.makeWebhooks, p.makeInstances, p.makeServer, // wiring; nothing runs yet
		p.start, p.welcome,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return p.serve(ctx)
}

// listen takes the address first: who cannot be reached shall touch no file.
func (p *product) listen(context.Context) error {
	listener, err := net.Listen("tcp", p.cfg.Addr)
	if err != nil {
		return NewMistake(fmt.Errorf("listen on %s: %w", p.cfg.Addr, err))
	}
	p.listener = listener
	p.open.add(func() error { return ignoreClosed(listener.Close()) })
	return nil
}

// openFile opens the data file, and the notes on crashes beside it.
func (p *product) openFile(ctx context.Context) error {
	db, err := maintain.Open(ctx, p.cfg.Data, p.cfg.InsecurePerms, p.log)
	if err != nil {
		return NewMistake(err)
	}
	if err := p.watchCrashes(); err != nil {
		return errors.Join(err, db.Close())
	}
	p.db = db
	p.open.add(db.Close)
	p.open.add(maintain.Control(db, p.cfg.Data, p.log))
	return nil
}

// watchCrashes has the last words of a crash written beside the data file, and
// says in the log at the start that there was one; pages say it too. It closes
// after the data file: only an end in order counts as one.
func (p *product) watchCrashes() error {
	log, err := crash.Open(p.cfg.Data)
	if err != nil {
		return err
	}
	p.crashes = log
	p.open.add(log.Close)
	if r := log.Report(); r.AfterCrash {
		p.log.Warn("the last run did not end in order", "crashes", r.Crashes, "kills", r.Kills, "last", r.LastCrash)
	}
	return nil
}

// openAccounts opens what people and programs sign in with, and what tells
// their pages and the audit log that something happened.
func (p *product) openAccounts(ctx context.Context) error {
	p.hub = live.NewHub(live.Options{Last: uint64(time.Now().UnixMicro())})
	p.journal = audit.NewLog(p.db, time.Now)
	p.users = auth.NewService(auth.Deps{Store: p.db, GlobalKey: p.cfg.APIKey, Log: p.log})
	if err := p.users.LoadUses(ctx); err != nil {
		return err
	}
	p.open.add(inBackground(p.users.KeepUses))
	return nil
}

// start lets what was wired run: deliveries before the instances that make
// them.
func (p *product) start(ctx context.Context) error {
	if err := p.instances.EnsureBusiness(ctx, "Pombal"); err != nil {
		return err
	}
	if err := p.dispatcher.Start(ctx); err != nil {
		return err
	}
	p.open.add(func() error { return p.dispatcher.Close(context.Background()) })
	if err := p.instances.Start(ctx); err != nil {
		return err
	}
	p.open.add(func() error { p.instances.Close(); return nil })
	if err := p.collectMore(ctx); err != nil {
		return err
	}
	p.open.add(inBackground(func(ctx context.Context) { p.keeper.Sweep(ctx, p.keys) }))
	return nil
}

// collectMore has the garbage collector run for the numbers that are linked.
func (p *product) collectMore(ctx context.Context) error {
	all, err := p.instances.List(ctx)
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
