// Package crash writes down how the process ends. The WhatsApp library can be
// ended by stanzas that nobody outside it can stop; the process is brought back
// by its supervisor, and the dashboard says when and why it was gone.
package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// Files beside the data file, by what is added to its name.
const (
	suffixOutput = ".crash"      // the Go runtime's last words, empty while all is well
	suffixLast   = ".crash.last" // those of the last crash
	suffixState  = ".starts"     // the counters
)

// maxText is how much of the runtime's words is kept, in bytes: the cause and
// the goroutine that failed come first.
const maxText = 64 << 10

// Report is what is known of earlier runs.
type Report struct {
	Starts     int       // times the process was started, this one included
	Crashes    int       // times it ended without being asked to, and said why
	Kills      int       // times it ended without being asked to, and said nothing (power, kill -9, out of memory)
	LastCrash  time.Time // when it crashed last; zero: never
	LastText   string    // the runtime's words then, without what can be a secret
	AfterCrash bool      // the run before this one ended so, or was killed
	StartedAt  time.Time // when this run began
	Unseen     bool      // nobody has dismissed the last crash or kill
	Killed     bool      // the last of them was a kill
}

// state is what is stored.
type state struct {
	Starts    int       `json:"starts"`
	Crashes   int       `json:"crashes"`
	Kills     int       `json:"kills"`
	LastCrash time.Time `json:"lastCrash,omitzero"`
	Running   bool      `json:"running"`          // not ended in order
	Unseen    bool      `json:"unseen,omitempty"` // a crash or kill that nobody dismissed
	Killed    bool      `json:"killed,omitempty"` // the last of them was a kill
}

// Log is the crash log of this process.
type Log struct {
	path   string
	report Report
	output *os.File

	mu    sync.Mutex
	state state
}

// Open reads what the last run left beside the data file, counts this start and
// has the Go runtime write its last words there from now on. One Log can be open
// in a process.
func Open(dataFile string) (*Log, error) {
	l := &Log{path: dataFile}
	if err := l.load(); err != nil {
		return nil, err
	}
	text, when, err := l.collect()
	if err != nil {
		return nil, err
	}
	l.state.Starts++
	switch {
	case text != "":
		l.state.Crashes++
		l.state.LastCrash = when
		l.state.Unseen, l.state.Killed = true, false
	case l.state.Running:
		l.state.Kills++
		l.state.Unseen, l.state.Killed = true, true
	}
	l.report = Report{
		Starts: l.state.Starts, Crashes: l.state.Crashes, Kills: l.state.Kills, LastCrash: l.state.LastCrash,
		AfterCrash: text != "" || l.state.Running, StartedAt: time.Now(),
	}
	if l.report.LastText, err = l.last(); err != nil {
		return nil, err
	}
	l.state.Running = true
	if err := l.save(); err != nil {
		return nil, err
	}
	return l, l.listen()
}

// Report is what was known when this run began, and whether somebody has seen
// it since.
func (l *Log) Report() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.report
	r.Unseen, r.Killed = l.state.Unseen, l.state.Killed
	return r
}

// Dismiss notes that somebody has seen the last crash.
func (l *Log) Dismiss() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.state.Unseen {
		return nil
	}
	l.state.Unseen = false
	return l.save()
}

// Close says that the process ends in order.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Running = false
	return errors.Join(debug.SetCrashOutput(nil, debug.CrashOptions{}), l.output.Close(), l.save())
}

// listen opens the file that the runtime writes to.
func (l *Log) listen() (err error) {
	l.output, err = os.OpenFile(l.path+suffixOutput, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("open the crash file: %w", err)
	}
	if err := debug.SetCrashOutput(l.output, debug.CrashOptions{}); err != nil {
		return errors.Join(fmt.Errorf("write crashes to a file: %w", err), l.output.Close())
	}
	return nil
}

// collect takes the last words of the run before and keeps them under another
// name.
func (l *Log) collect() (text string, when time.Time, err error) {
	name := l.path + suffixOutput
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", time.Time{}, nil
	case err != nil:
		return "", time.Time{}, fmt.Errorf("read the crash file: %w", err)
	case info.Size() == 0:
		return "", time.Time{}, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("read the crash file: %w", err)
	}
	raw = raw[:min(len(raw), maxText)]
	if err := os.WriteFile(l.path+suffixLast, raw, 0o600); err != nil {
		return "", time.Time{}, fmt.Errorf("keep the crash: %w", err)
	}
	return string(raw), info.ModTime(), nil
}

func (l *Log) last() (string, error) {
	raw, err := os.ReadFile(l.path + suffixLast)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return Mask(string(raw)), err
}

// load reads the counters; damaged ones start anew, since they are for people
// and must not keep the process from starting.
func (l *Log) load() error {
	raw, err := os.ReadFile(l.path + suffixState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the counter of starts: %w", err)
	}
	if json.Unmarshal(raw, &l.state) != nil {
		l.state = state{}
	}
	return nil
}

func (l *Log) save() error {
	raw, err := json.Marshal(l.state)
	if err != nil {
		return fmt.Errorf("encode the counter of starts: %w", err)
	}
	name := l.path + suffixState
	if err := os.WriteFile(name+".new", raw, 0o600); err != nil {
		return fmt.Errorf("store the counter of starts: %w", err)
	}
	return os.Rename(name+".new", name)
}
