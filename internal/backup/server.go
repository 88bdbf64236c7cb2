package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pombal/internal/store"
)

// Source is the data file of a running server.
type Source interface {
	// Backup writes a copy of the file as it is now.
	Backup(ctx context.Context, w io.Writer) error
}

// Server answers the command line about the data file that this process has
// open.
type Server struct {
	source Source
	data   string
	log    *slog.Logger
	path   string
	http   http.Server
	served chan error
	conns  sync.WaitGroup // one for each connection that is being answered
	ending atomic.Bool
}

// sendLimit bounds how long a copy may take to send: the client is on this
// machine.
const sendLimit = 10 * time.Minute

// askLimit bounds how long a client may take to say what it wants. It says so
// at once, but on a busy machine that may be a while.
const askLimit = 15 * time.Second

// Serve listens on the socket beside the data file until Close. Whoever owns
// the file may open the socket, and nobody else. The file must be open, which
// shows that no other server has it and that an old socket is nobody's.
func Serve(source Source, data string, log *slog.Logger) (*Server, error) {
	path, listener, err := listen(data)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	s := &Server{source: source, data: data, log: log, path: path, served: make(chan error, 1)}
	s.clean()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /backup", s.backup)
	mux.HandleFunc("GET /check", s.check)
	s.http.Handler = mux
	s.http.ReadHeaderTimeout = askLimit
	s.http.WriteTimeout = sendLimit
	s.http.ConnState = s.count
	go func() { s.served <- s.http.Serve(listener) }()
	return s, nil
}

// clean removes copies that a server left which was killed: they can log in as
// every number.
func (s *Server) clean() {
	entries, err := os.ReadDir(filepath.Dir(s.data))
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), filepath.Base(s.data)+partMark) {
			err = errors.Join(err, os.Remove(filepath.Join(filepath.Dir(s.data), entry.Name())))
		}
	}
	if err != nil {
		s.log.Warn("remove old temporary copies of the data file", "error", err)
	}
}

// listen makes the socket in a folder that is closed to others and moves it to
// its place, so that nobody can open it before its mode is set.
func listen(data string) (path string, l net.Listener, err error) {
	path = SocketPath(data)
	dir, err := os.MkdirTemp(filepath.Dir(path), ".s")
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	made := filepath.Join(dir, "s")
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return "", nil, err
	}
	socket.SetUnlinkOnClose(false)
	err = os.Chmod(made, 0o600)
	if err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		return "", nil, errors.Join(err, socket.Close())
	}
	return path, socket, nil
}

// SocketPath is where the server of a data file listens.
func SocketPath(data string) string { return data + ".sock" }

// count keeps the number of connections. A new one is counted before Serve can
// return (net/http.Server.ConnState), a closed one after its answer has ended.
func (s *Server) count(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
		if s.ending.Load() { // too late for http.Server.Close to see it
			_ = conn.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.conns.Done()
	}
}

// Close cuts off running answers, waits until their copies of the file are gone
// and removes the socket.
func (s *Server) Close() error {
	s.ending.Store(true)
	err := s.http.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	s.conns.Wait()
	return errors.Join(err, os.Remove(s.path))
}

// copied gives fn a temporary copy of the file as it is now. A slow reader, or
// a long look at it, must not keep bbolt from using pages again.
func (s *Server) copied(w http.ResponseWriter, r *http.Request, fn func(f *os.File) error) {
	f, err := os.CreateTemp(filepath.Dir(s.data), filepath.Base(s.data)+partMark+"*")
	if err != nil {
		s.refuse(w, err)
		return
	}
	defer func() {
		if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
			s.log.Warn("remove the temporary copy of the data file", "error", err)
		}
	}()
	err = s.source.Backup(r.Context(), f)
	if err == nil {
		err = fn(f)
	}
	if err != nil {
		s.refuse(w, err)
	}
}

func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	s.copied(w, r, func(f *os.File) error {
		size, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		if _, err := io.Copy(w, f); err != nil {
			// The answer has begun; that it ends early tells the client.
			s.log.Warn("send a backup", "error", err)
			return nil
		}
		s.log.Info("a backup was taken", "bytes", size, "took", time.Since(began))
		return nil
	})
}

func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	s.copied(w, r, func(f *os.File) error {
		if err := store.Verify(r.Context(), f.Name()); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
}

// refuse tells the owner of the file what went wrong, in full.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	s.log.Error("answer the command line about the data file", "error", err)
	http.Error(w, err.Error(), http.StatusInternalServerError)
}
