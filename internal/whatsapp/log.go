package whatsapp

import (
	"fmt"
	"log/slog"

	waLog "go.mau.fi/whatsmeow/util/log"
)

// maxLogLine cuts the library's lines; some print whole stanzas.
const maxLogLine = 300

// libraryLog passes the library's warnings and errors on. Its debug lines are
// never built: they hold QR texts and message stanzas.
type libraryLog struct{ log *slog.Logger }

var _ waLog.Logger = libraryLog{}

func (l libraryLog) Warnf(msg string, args ...any)  { l.log.Warn(line(msg, args)) }
func (l libraryLog) Errorf(msg string, args ...any) { l.log.Error(line(msg, args)) }
func (l libraryLog) Infof(string, ...any)           {}
func (l libraryLog) Debugf(string, ...any)          {}

func (l libraryLog) Sub(module string) waLog.Logger {
	return libraryLog{log: l.log.With("module", module)}
}

func line(msg string, args []any) string {
	text := fmt.Sprintf(msg, args...)
	if len(text) > maxLogLine {
		text = text[:maxLogLine] + "…"
	}
	return text
}

// silentSignal drops what libsignal would print.
type silentSignal struct{}

func (silentSignal) Debug(string, string)   {}
func (silentSignal) Info(string, string)    {}
func (silentSignal) Warning(string, string) {}
func (silentSignal) Error(string, string)   {}
func (silentSignal) Configure(string)       {}
