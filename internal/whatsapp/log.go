package whatsapp

import (
	"context"
	"fmt"
	"log/slog"

	waLog "go.mau.fi/whatsmeow/util/log"
)

// maxLogLine cuts the library's lines; some print whole stanzas.
const maxLogLine = 300

// libraryLog passes the library's warnings and errors on. Its debug lines are
// never built: they hold QR texts and message stanzas. A few lines are the only
// sign of what happened; hooks hear of those, by the format alone.
type libraryLog struct {
	log    *slog.Logger
	hooks  *hooks
	module string // part of the library that speaks; empty: the client itself
}

// hooks are what a session wants to hear of the library's log. All functions
// are called on the library's goroutines, before the next stanza is handled.
type hooks struct {
	stanza func(node any) // something came from WhatsApp
	notice func(kind any) // a notification that the library does not know
	busy   func(code any) // WhatsApp's number for the end of the connection, which comes next
}

// The formats that are listened for, and how the module of received stanzas is
// called.
const (
	formatNotice = "Unhandled notification with type %s"
	formatBusy   = "Got %d/%s connect failure, assuming automatic reconnect will handle it"
	formatEnd    = "Got 503 stream error, assuming automatic reconnect will handle it"
	formatToken  = "Got %d/%s connect failure, refreshing CAT before reconnecting..."
	moduleRecv   = "Recv"

	codeUnavailable = 503
)

var _ waLog.Logger = libraryLog{}

func (l libraryLog) Warnf(msg string, args ...any) {
	switch {
	case l.hooks == nil:
	case msg == formatBusy && len(args) > 0:
		l.hooks.busy(args[0])
	case msg == formatEnd:
		l.hooks.busy(codeUnavailable)
	}
	l.tell(slog.LevelWarn, msg, args)
}

func (l libraryLog) Errorf(msg string, args ...any) { l.tell(slog.LevelError, msg, args) }

func (l libraryLog) Infof(msg string, args ...any) {
	if l.hooks != nil && msg == formatToken && len(args) > 0 {
		l.hooks.busy(args[0])
	}
}

func (l libraryLog) Debugf(msg string, args ...any) {
	switch {
	case l.hooks == nil:
	case l.module == moduleRecv && len(args) > 0:
		l.hooks.stanza(args[0])
	case msg == formatNotice && len(args) > 0:
		l.hooks.notice(args[0])
	}
}

func (l libraryLog) Sub(module string) waLog.Logger {
	l.module = module
	return l
}

// tell writes a line. The module is named here and not by slog's With: three
// copies of the logger for each number would wait for lines that seldom come.
func (l libraryLog) tell(level slog.Level, msg string, args []any) {
	var attrs []slog.Attr
	if l.module != "" {
		attrs = append(attrs, slog.String("module", l.module))
	}
	l.log.LogAttrs(context.Background(), level, line(msg, args), attrs...)
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
