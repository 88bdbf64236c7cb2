// Package maintain looks after the data file: the commands that check, shrink,
// copy and restore it, and the sweep of what has expired while Pombal serves.
package maintain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"pombal/internal/backup"
	"pombal/internal/store"
)

// Command is one of the maintenance commands. It works on the data file at
// data, with file as its operand where it takes one, and says on out what it
// did. Its errors are mistakes that no retry cures.
type Command struct {
	TakesFile bool
	Run       func(ctx context.Context, data, file string, out io.Writer) error
}

// Find looks up a maintenance command by its name on the command line.
func Find(name string) (Command, bool) {
	switch name {
	case "check":
		return Command{Run: check}, true
	case "compact":
		return Command{Run: compact}, true
	case "backup":
		return Command{TakesFile: true, Run: save}, true
	case "restore":
		return Command{TakesFile: true, Run: restore}, true
	default:
		return Command{}, false
	}
}

func check(ctx context.Context, data, _ string, out io.Writer) error {
	if err := backup.Check(ctx, data); err != nil {
		return explain(ctx, data, err)
	}
	_, err := fmt.Fprintf(out, "%s is in order.\n", data)
	return err
}

func compact(ctx context.Context, data, _ string, out io.Writer) error {
	before, after, err := store.Compact(data)
	if err != nil {
		return explain(ctx, data, err)
	}
	_, err = fmt.Fprintf(out, "%s had %d bytes and has %d now.\n", data, before, after)
	return err
}

func save(ctx context.Context, data, file string, out io.Writer) error {
	if err := backup.Save(ctx, data, file); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s holds all of %s, %d bytes, and was verified. It can log in as every number in it: keep it safe.\n",
		file, data, info.Size())
	return err
}

func restore(ctx context.Context, data, file string, out io.Writer) error {
	kept, err := backup.Restore(ctx, file, data, time.Now())
	if err != nil {
		return err
	}
	if kept != "" {
		kept = " What was there is kept as " + kept + "."
	}
	_, err = fmt.Fprintf(out, "%s is now the backup %s.%s\n", data, file, kept)
	return err
}

// explain adds to the reason why a data file cannot be used what could take
// its place.
func explain(ctx context.Context, data string, err error) error {
	if !errors.Is(err, store.ErrForeign) && !errors.Is(err, store.ErrNewer) && !errors.Is(err, store.ErrEmpty) {
		return err
	}
	if good := backup.Newest(ctx, data); good != "" {
		return fmt.Errorf("%w; the newest good backup beside it is %s", err, good)
	}
	return err
}

// Open opens the data file for serving. Others on this machine must not be able
// to read it, unless exposed says that they may.
func Open(ctx context.Context, path string, exposed bool, log *slog.Logger) (*store.DB, error) {
	db, err := store.Open(path, store.Options{Log: log, Exposed: exposed})
	if err != nil {
		return nil, explain(ctx, path, err)
	}
	return db, nil
}

// Control lets the command line reach the data file while this process has it,
// until stop is called. That it cannot is no reason not to serve.
func Control(db *store.DB, path string, log *slog.Logger) (stop func() error) {
	control, err := backup.Serve(db, path, log)
	if err != nil {
		log.Warn("pombal backup and check will work only while Pombal is stopped", "error", err)
		return func() error { return nil }
	}
	return control.Close
}
