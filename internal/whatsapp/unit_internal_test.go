package whatsapp

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/instance"
)

// bomb makes size zero bytes, packed.
func bomb(t testing.TB, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := io.CopyN(w, zeros{}, size); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What inflates to half a gigabyte is refused within a few kilobytes.
func TestCheckInflated(t *testing.T) { // not parallel: it measures memory
	packed := bomb(t, 512<<20)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	err := checkInflated(packed, maxInflated)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, errTooLarge) {
		t.Errorf("512 MiB: %v", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<10 {
		t.Errorf("the check took %d bytes", grown)
	}
	if err := checkInflated(bomb(t, 1<<20), 1<<20); err != nil {
		t.Errorf("just the limit: %v", err)
	}
	if err := checkInflated(bomb(t, 1<<20+1), 1<<20); !errors.Is(err, errTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
	for name, raw := range map[string][]byte{"nothing": nil, "no zlib": []byte("hello"), "cut off": packed[:1000]} {
		if err := checkInflated(raw, maxInflated); !errors.Is(err, errPacked) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimitBodies(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/known" {
			w.Header().Set("Content-Length", "2000")
		}
		fmt.Fprint(w, strings.Repeat("x", 1000))
		w.(http.Flusher).Flush()
		fmt.Fprint(w, strings.Repeat("x", 1000))
	}))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	read := func(limit int64, path string) error {
		resp, err := limitBodies(http.DefaultClient, limit).Get(server.URL + path)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
		return err
	}
	for _, path := range []string{"/known", "/"} {
		if err := read(1999, path); !errors.Is(err, errTooLarge) {
			t.Errorf("%s over the limit: %v", path, err)
		}
		if err := read(2000, path); err != nil {
			t.Errorf("%s at the limit: %v", path, err)
		}
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	items := make([]int, 1000)
	for i := range items {
		items[i] = i
	}
	for _, size := range []int{0, 100, 5000, setBytes, setBytes * 2} {
		next := 0
		for _, part := range chunks(items, func(int) int { return size }) {
			if len(part) == 0 || len(part) > setItems || len(part) > 1 && len(part)*(size+1) > setBytes {
				t.Fatalf("size %d: a part of %d", size, len(part))
			}
			for _, item := range part {
				if item != next {
					t.Fatalf("size %d: item %d comes when %d should", size, item, next)
				}
				next++
			}
		}
		if next != len(items) {
			t.Errorf("size %d: %d items", size, next)
		}
	}
	if got := chunks(nil, func(int) int { return 1 }); got != nil {
		t.Errorf("no items make %v", got)
	}
}

func TestSourceGuess(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"3A5F00C1D2E3F4A5B6C7": "ios", "3EB0A9C4D2E1F0B7A6C5D4": "web", "A1B2C3D4E5F60718293A4B5C6D7E8F90": "android",
		strings.Repeat("A", 21): "android", "3F5F00C1D2E3F4A5B6": "web", "": "web",
	} {
		if got := source(id); got != want {
			t.Errorf("source(%q) = %s, want %s", id, got, want)
		}
	}
}

func TestRefusalCode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"463": 463, "404": 404, "x": 0} {
		if got := refusalCode(fmt.Errorf("%w %s", whatsmeow.ErrServerReturnedError, text)); got != want {
			t.Errorf("code of %q = %d, want %d", text, got, want)
		}
	}
}

// In Brazil a number may be known to WhatsApp without its ninth digit: what
// WhatsApp answers counts.
func TestPickRecipient(t *testing.T) {
	t.Parallel()
	asked := types.NewJID("5521998880002", types.DefaultUserServer)
	written := types.NewJID("552198880002", types.DefaultUserServer)
	lid := types.NewJID("123456789012345", types.HiddenUserServer)
	for _, tc := range []struct {
		name    string
		answers []types.IsOnWhatsAppResponse
		want    types.JID
	}{
		{"number", []types.IsOnWhatsAppResponse{{IsIn: true, JID: written}}, written},
		{"both", []types.IsOnWhatsAppResponse{{IsIn: true, JID: lid, PhoneNumber: written}}, written},
		{"lid alone", []types.IsOnWhatsAppResponse{{IsIn: true, JID: lid}}, lid},
		{"not there", []types.IsOnWhatsAppResponse{{JID: asked}}, types.EmptyJID},
		{"no answer", nil, types.EmptyJID},
	} {
		got, err := pickRecipient(tc.answers)
		if got != tc.want || tc.want.IsEmpty() != errors.Is(err, instance.ErrNotOnWhatsApp) {
			t.Errorf("%s: %s, %v; want %s", tc.name, got, err, tc.want)
		}
	}
}

// A receipt waits for its message, not for others, and not for ever.
func TestOutgoingWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var o outgoing
		done := o.begin("a")
		start := time.Now()
		o.wait(t.Context(), []string{"b"})
		if took := time.Since(start); took != 0 {
			t.Errorf("it waited %v for another message", took)
		}
		time.AfterFunc(50*time.Millisecond, done)
		o.wait(t.Context(), []string{"b", "a"})
		if took := time.Since(start); took != 50*time.Millisecond {
			t.Errorf("it waited %v", took)
		}
		if len(o.ids) != 0 {
			t.Errorf("%d messages are left", len(o.ids))
		}
		defer o.begin("never")()
		start = time.Now()
		o.wait(t.Context(), []string{"never", "never"})
		if took := time.Since(start); took != ackWait {
			t.Errorf("it waited %v for a message that never went out", took)
		}
	})
}

func TestShortName(t *testing.T) {
	t.Parallel()
	if got := shortName(strings.Repeat("é", 500)); got != strings.Repeat("é", maxName) {
		t.Errorf("%d bytes are left", len(got))
	}
	if got := shortName("Nina"); got != "Nina" {
		t.Errorf("got %q", got)
	}
}
