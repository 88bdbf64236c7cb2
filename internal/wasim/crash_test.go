package wasim_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/wasim"
)

// crashVariable makes this test binary a child that meets one malformation:
// kind, size and "linked" or "unlinked", separated by commas.
const crashVariable = "WASIM_CRASH"

// failure413 stands for a failure that the engine answers with a function it may
// not have.
const failure413 = "failure413"

// crashStack is a smaller limit of the stack in the child, so that the deep
// stanza is told from a shallow one in little memory.
const crashStack = 64 << 20

// What happens to a process at this version of the engine; the table of
// DESIGN.md. A case that begins to survive is good news: change the table.
func TestMalformed(t *testing.T) {
	t.Parallel()
	skipRace(t, raceChild)
	if testing.Short() {
		t.Skip("starts processes")
	}
	for _, tc := range []struct {
		kind wasim.Malformation
		size int
		says string // on standard error when the process dies; "" when it survives
	}{
		{wasim.EmptyFrame, 0, "slice bounds out of range [1:0]"},
		{wasim.FlagOnly, 0, ""},
		{wasim.TwoZeroBytes, 0, "interface conversion: interface {} is nil, not string"},
		{wasim.CutStanza, 0, ""},
		{wasim.BadDeflate, 0, ""},
		{wasim.DeepStanza, 1000, ""},
		{wasim.DeepStanza, 1_000_000, "stack overflow"},
		{wasim.Bomb, 16 << 20, ""},
		{wasim.PairSuccessWithoutID, 0, "interface conversion: interface {} is nil, not string"},
		{wasim.ChildlessPasskey, 0, ""},
		{wasim.NumberAsID, 0, ""},
		{failure413, 0, "nil pointer dereference"},
	} {
		for _, state := range []string{"linked", "unlinked"} {
			t.Run(fmt.Sprintf("%s %d %s", tc.kind, tc.size, state), func(t *testing.T) {
				t.Parallel()
				out, err := runChild(t, fmt.Sprintf("%s,%d,%s", tc.kind, tc.size, state))
				died := err != nil
				if died != (tc.says != "") || !strings.Contains(out, tc.says) {
					t.Errorf("died = %v, want %v with %q; output:\n%s", died, tc.says != "", tc.says, head(out))
				}
				if !died {
					t.Log(strings.TrimSpace(out))
				}
			})
		}
	}
}

func head(text string) string { return text[:min(len(text), 2000)] }

func runChild(t *testing.T, what string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*waitTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), crashVariable+"="+what, "GOTRACEBACK=single")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("child: %v", err)
	}
	return string(out), err
}

// crashChild is the child: it connects a real client, lets the server send it the
// malformation and looks whether the client still handles what comes then.
func crashChild(what string) int {
	debug.SetMaxStack(crashStack)
	parts := strings.Split(what, ",")
	size, err := strconv.Atoi(parts[1])
	if err == nil {
		err = meet(wasim.Malformation(parts[0]), size, parts[2] == "linked")
	}
	if err != nil {
		fmt.Println("child:", err)
		return 3
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		fmt.Printf("survived with at most %d MiB\n", usage.Maxrss>>10)
	}
	return 0
}

// scene is a client of its own server, linked or not.
type scene struct {
	s        *wasim.Server
	ana, bob *wasim.Phone
	c        *whatsmeow.Client
	seen     chan any
	device   types.JID // zero while not linked
	code     string
}

// meet plays the scene. Every wait ends with the context.
func meet(kind wasim.Malformation, size int, linked bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	defer cancel()
	s, err := wasim.Start(wasim.Config{Root: root})
	if err != nil {
		return err
	}
	v := &scene{s: s, ana: s.NewPhone("5511900000001", "Ana"), bob: s.NewPhone("5511900000002", "Bob"), seen: make(chan any, 1000)}
	v.c = bareClient(s, newDevice())
	v.c.AddEventHandler(func(e any) { v.seen <- e })
	if kind == failure413 && !linked {
		s.SetFaults(wasim.Faults{LoginFailure: &wasim.Failure{Reason: 413, Unpaired: true}})
	}
	if err := v.c.Connect(); err != nil {
		return err
	}
	if kind == failure413 && !linked {
		return s.WaitDials(ctx, 9) // it dies before
	}
	if err := v.begin(ctx, linked); err != nil {
		return err
	}
	if kind == failure413 {
		s.SetFaults(wasim.Faults{LoginFailure: &wasim.Failure{Reason: 413}})
		s.Drop(v.device)
		return s.WaitDials(ctx, 9)
	}
	if err := s.Malformed(v.device, kind, size); err != nil {
		return err
	}
	return v.lives(ctx)
}

func (v *scene) begin(ctx context.Context, linked bool) error {
	qr, err := next[*events.QR](ctx, v.seen)
	if err != nil {
		return err
	}
	v.code = qr.Codes[0]
	if !linked {
		return nil
	}
	if v.device, err = v.ana.Scan(ctx, v.code); err != nil {
		return err
	}
	if _, err := next[*events.Connected](ctx, v.seen); err != nil {
		return err
	}
	return v.s.WaitOnline(ctx, v.device)
}

// lives says whether the client still handles stanzas.
func (v *scene) lives(ctx context.Context) error {
	if v.device.IsEmpty() {
		if err := v.ana.ScanWithOldApp(ctx, v.code); err != nil {
			return err
		}
		_, err := next[*events.QRScannedWithoutMultidevice](ctx, v.seen)
		return err
	}
	if _, err := v.bob.SendText(ctx, v.ana, "still there?"); err != nil {
		return err
	}
	for {
		m, err := next[*events.Message](ctx, v.seen)
		if err != nil || m.Message.GetConversation() == "still there?" {
			return err
		}
	}
}

func bareClient(s *wasim.Server, dev *store.Device) *whatsmeow.Client {
	c := whatsmeow.NewClient(dev, nil)
	h := s.HTTPClient()
	c.SetPreLoginHTTPClient(h)
	c.SetWebsocketHTTPClient(h)
	c.SetMediaHTTPClient(h)
	return c
}

// next waits for the next event of a type and drops the others.
func next[T any](ctx context.Context, seen <-chan any) (T, error) {
	for {
		select {
		case e := <-seen:
			if v, ok := e.(T); ok {
				return v, nil
			}
		case <-ctx.Done():
			var none T
			return none, fmt.Errorf("wait for %T: %w", none, ctx.Err())
		}
	}
}

// With a function that fails, failures 413 and 414 are an event.
func TestFailure413WithCallback(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c, jid := pair(t, s, ana)
	c.Disconnect()
	if err := s.WaitOffline(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	c.RefreshCAT = func(context.Context) error { return errors.New("not for this kind of account") }
	s.SetFaults(wasim.Faults{LoginFailure: &wasim.Failure{Reason: 413}})
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	wait[*events.CATRefreshError](c, 1, nil)
}

// A server that hangs up right after the handshake: the dial counts as a success.
func TestCloseAfterHandshake(t *testing.T) {
	t.Parallel()
	skipRace(t, raceHangUp)
	s := start(t, wasim.Config{})
	s.SetFaults(wasim.Faults{CloseAfterHandshake: true})
	c := newClient(t, s, nil)
	_ = c.Connect() // succeeds or not: a matter of microseconds
	s.SetFaults(wasim.Faults{})
	c.Disconnect()
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	wait[*events.QR](c, 1, nil)
	if err := s.Malformed(types.NewJID("1", types.DefaultUserServer), wasim.EmptyFrame, 0); !errors.Is(err, wasim.ErrUnknownDevice) {
		t.Errorf("Malformed = %v, want %v", err, wasim.ErrUnknownDevice)
	}
	if err := s.Malformed(types.EmptyJID, "nonsense", 0); !errors.Is(err, wasim.ErrUnknownMalformation) {
		t.Errorf("Malformed = %v, want %v", err, wasim.ErrUnknownMalformation)
	}
}
