// Pombal is a WhatsApp gateway with a dashboard: one program, one file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"pombal/internal/app"
	"pombal/internal/config"
	"pombal/internal/maintain"
	"pombal/internal/service"
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
	params := app.Params{Version: version, Stdout: stdout, Stderr: stderr}
	var err error
	switch command {
	case "serve":
		err = serve(ctx, app.Serve, params, args, environ)
	case "demo":
		err = serve(ctx, app.Demo, params, args, environ)
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
	if errors.As(err, &app.Mistake{}) {
		return exitUsage
	}
	return exitFailed
}

// serve runs the gateway or its demo, as the settings say, until ctx ends.
func serve(ctx context.Context, start func(context.Context, app.Params) error, params app.Params, args, environ []string) error {
	cfg, err := config.Load(args, environ)
	if err != nil {
		return app.NewMistake(err)
	}
	params.Config = cfg
	return start(ctx, params)
}

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
		return app.NewMistake(fmt.Errorf("unknown command %q; see: pombal help", name))
	}
	file := ""
	if command.TakesFile {
		if file, args = operand(args); file == "" {
			return app.NewMistake(fmt.Errorf("%s needs the name of a file; see: pombal help", name))
		}
	}
	cfg, err := config.Load(args, environ)
	if err != nil {
		return app.NewMistake(err)
	}
	if err := command.Run(ctx, cfg.Data, file, out); err != nil {
		return app.NewMistake(err)
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
