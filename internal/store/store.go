// Package store keeps all state of Pombal in one bbolt file: instances,
// webhooks, events, the outbox, users, sessions and the audit log. It owns the
// file: opening, locking, schema versions, closing. Only this package and
// wastore know bbolt; everybody else sees domain types.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Errors of Open. Each is a whole sentence for an operator once wrapped with
// the file's name; the command line prints it as it is.
var (
	// ErrLocked says that another process holds the file.
	ErrLocked = errors.New("another process is using the data file; stop it first or choose another file with --data")
	// ErrForeign says that the file is not a Pombal data file or is damaged.
	ErrForeign = errors.New("this is not a Pombal data file, or it is damaged; nothing was changed")
	// ErrEmpty says that there is a file, but nothing in it. To start anew on
	// it would hide that data was lost.
	ErrEmpty = errors.New("the data file is empty; delete it to start anew, or put a backup in its place")
	// ErrExposed says that others have rights to the file or may write to its
	// folder.
	ErrExposed = errors.New("others on this machine can read or replace the data file, and it can log in as every number in it; " +
		"take that right away (chmod 600 for the file, chmod 700 for its folder) or start with --insecure-perms")
	// ErrNewer says that a newer Pombal wrote the file.
	ErrNewer = errors.New("the data file was written by a newer Pombal; update this program; nothing was changed")
)

// lockWait is how long Open waits for another process to let go of the file.
// The promise to operators is an answer within 2 s.
const lockWait = 1500 * time.Millisecond

// growStep is by how much the file grows at a time. bbolt's own 16 MiB would
// make a file of that size for one instance.
const growStep = 1 << 20

// DB is the open data file. It is safe for concurrent use.
type DB struct {
	bolt      *bbolt.DB
	now       func() time.Time
	committer *committer
	keeper    *keeper
	space     *space
}

// Options are the choices of Open; the zero value is right for production.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets what operators should know of the file; nil drops it.
	Log *slog.Logger
	// NoSync skips the fsync of each commit. Tests alone may set it: a power
	// cut then damages the file.
	NoSync bool
	// Exposed lets others on this machine read the file.
	Exposed bool
	// Space says how many bytes are free on the disk of a folder and how large
	// that disk is; nil asks the system.
	Space func(dir string) (free, total uint64, err error)
}

// Open opens the data file at path, creating it (mode 0600, missing directory
// 0700) when there is none, and brings its schema up to date. It returns
// ErrLocked within 2 s when another process holds the file, ErrForeign when it
// is no data file of ours or damaged, ErrEmpty when it has no content,
// ErrNewer when a newer program wrote it, ErrExposed when others can read it. A
// file that is refused is not written to.
func Open(path string, opts Options) (*DB, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if err := prepareDir(path); err != nil {
		return nil, fmt.Errorf("directory of data file %s: %w", path, err)
	}
	if err := private(path); errors.Is(err, ErrExposed) && opts.Exposed {
		opts.Log.Warn("others on this machine can read or replace the data file", "file", path)
	} else if err != nil {
		return nil, fmt.Errorf("data file %s: %w", path, err)
	}
	bolt, err := openFile(path, opts)
	if err == nil {
		bolt, err = compactAtStart(path, bolt, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("data file %s: %w", path, err)
	}
	db := &DB{bolt: bolt, now: opts.Now}
	if err := recovered(db.migrate); err != nil {
		return nil, errors.Join(fmt.Errorf("data file %s: %w", path, err), bolt.Close())
	}
	db.committer, db.keeper = newCommitter(bolt, opts.Log), keepSmall(bolt)
	look := opts.Space
	if look == nil {
		look = diskSpace
	}
	dir := filepath.Dir(path)
	db.space = watchSpace(func() (uint64, uint64, error) { return look(dir) }, opts.Log, db.tellHealed)
	return db, nil
}

func prepareDir(path string) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.MkdirAll(dir, 0o700)
}

// openFile inspects the file and opens it, waiting for other processes no
// longer than lockWait in all.
func openFile(path string, opts Options) (*bbolt.DB, error) {
	start := time.Now()
	if err := inspect(path, lockWait); err != nil {
		return nil, err
	}
	bolt, err := openBolt(path, &bbolt.Options{
		// 0 would wait for ever.
		Timeout:         max(lockWait-time.Since(start), lockWait/10),
		FreelistType:    bbolt.FreelistMapType,
		NoFreelistSync:  true,
		NoSync:          opts.NoSync,
		InitialMmapSize: mapSize(),
	})
	if err != nil {
		return nil, err
	}
	bolt.AllocSize = growStep
	return bolt, nil
}

func openBolt(path string, opts *bbolt.Options) (bolt *bbolt.DB, err error) {
	err = recovered(func() (err error) {
		bolt, err = bbolt.Open(path, 0o600, opts)
		return err
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, ErrLocked
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w (%w)", ErrForeign, err)
	default:
		return bolt, err
	}
}

// mapSize is how much address space is mapped at once. Growing the map later
// has to wait for every open read transaction, and all writers with it.
// Windows would make the file that large.
func mapSize() int {
	if strconv.IntSize < 64 || runtime.GOOS == "windows" {
		return 0
	}
	return 1 << 30
}

// recovered turns a panic of fn into ErrForeign: bbolt panics on pages it
// cannot make sense of. Reading where no memory is counts as one. The lock on
// the file may stay until the process ends.
func recovered(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w (%v)", ErrForeign, cause)
		}
	}()
	return fn()
}

// Close commits what is queued, waits for running transactions and closes the
// file. Its error says so when something that was accepted did not reach the
// disk.
func (db *DB) Close() error {
	db.space.close()
	db.keeper.close()
	lost := db.committer.close()
	var unsynced error
	if !db.bolt.NoSync {
		unsynced = db.bolt.Sync()
	}
	return errors.Join(lost, unsynced, db.bolt.Close())
}
