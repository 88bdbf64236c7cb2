package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"pombal/internal/backup"
	"pombal/internal/config"
	"pombal/internal/store"
)

// maintenance are the commands that look after the data file.
func maintenance() map[string]func(ctx context.Context, data, file string, out io.Writer) error {
	return map[string]func(context.Context, string, string, io.Writer) error{
		"check":   checkData,
		"compact": compactData,
		"backup":  backupData,
		"restore": restoreData,
	}
}

// maintain runs one of the commands. Its mistakes are those of the command
// line, of a setting or of a file, which no retry cures.
func maintain(ctx context.Context, command string, args, environ []string, out io.Writer) error {
	file := ""
	if command == "backup" || command == "restore" {
		if file, args = operand(args); file == "" {
			return usageError{fmt.Errorf("%s needs the name of a file; see: pombal help", command)}
		}
	}
	cfg, err := config.Load(args, environ)
	if err != nil {
		return usageError{err}
	}
	if err := maintenance()[command](ctx, cfg.Data, file, out); err != nil {
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

func checkData(ctx context.Context, data, _ string, out io.Writer) error {
	if err := backup.Check(ctx, data); err != nil {
		return refusedData(ctx, data, err)
	}
	_, err := fmt.Fprintf(out, "%s is in order.\n", data)
	return err
}

func compactData(ctx context.Context, data, _ string, out io.Writer) error {
	before, after, err := store.Compact(data)
	if err != nil {
		return refusedData(ctx, data, err)
	}
	_, err = fmt.Fprintf(out, "%s had %d bytes and has %d now.\n", data, before, after)
	return err
}

func backupData(ctx context.Context, data, file string, out io.Writer) error {
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

func restoreData(ctx context.Context, data, file string, out io.Writer) error {
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

// refusedData adds to the reason why a data file cannot be used what could take
// its place.
func refusedData(ctx context.Context, data string, err error) error {
	if !errors.Is(err, store.ErrForeign) && !errors.Is(err, store.ErrNewer) && !errors.Is(err, store.ErrEmpty) {
		return err
	}
	if good := backup.Newest(ctx, data); good != "" {
		return fmt.Errorf("%w; the newest good backup beside it is %s", err, good)
	}
	return err
}

// openData opens the data file for serving.
func openData(ctx context.Context, path string, log *slog.Logger) (*store.DB, error) {
	db, err := store.Open(path, store.Options{Log: log})
	if err != nil {
		return nil, usageError{refusedData(ctx, path, err)}
	}
	return db, nil
}

// startControl lets the command line reach the data file while this process has
// it. That it cannot is no reason not to serve.
func startControl(db *store.DB, path string, log *slog.Logger) (stop func() error) {
	control, err := backup.Serve(db, path, log)
	if err != nil {
		log.Warn("pombal backup and check will work only while Pombal is stopped", "error", err)
		return func() error { return nil }
	}
	return control.Close
}
