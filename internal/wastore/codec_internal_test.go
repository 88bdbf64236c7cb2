package wastore

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	for _, b := range [][]byte{nil, {}, {0}, bytes.Repeat([]byte{7}, 300)} {
		for _, n := range []int64{0, -1, math.MinInt64, math.MaxInt64} {
			raw := newRecord(0).bytes(b).int(n).str("ã\x00").uint(math.MaxUint64).flag(true)
			f := parse(raw)
			if got := f.bytes(); !bytes.Equal(got, b) || (got == nil) != (b == nil) {
				t.Errorf("bytes = %#v, want %#v", got, b)
			}
			if f.int() != n || f.str() != "ã\x00" || f.uint() != math.MaxUint64 || !f.flag() || f.err != nil {
				t.Errorf("fields differ: %v", f.err)
			}
		}
	}
}

func TestRecordToleratesMoreAndFewerFields(t *testing.T) {
	t.Parallel()
	f := parse(newRecord(0).int(5).str("a field of the future").bytes(nil))
	if f.int() != 5 || f.err != nil {
		t.Errorf("trailing field: %v", f.err)
	}
	if _, present := f.optInt(); present || f.err == nil {
		t.Error("text read as a number")
	}
	f = parse(newRecord(0))
	if f.int() != 0 || f.bytes() != nil || f.str() != "" || f.flag() || f.err != nil {
		t.Errorf("missing fields: %v", f.err)
	}
}

func TestRecordDamage(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string][]byte{
		"empty":         {},
		"newer version": {2, 1},
		"too long":      {recordVersion, 9, 1},
		"endless":       bytes.Repeat([]byte{0xff}, 20),
		"huge":          {recordVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
	} {
		f := parse(raw)
		if b := f.bytes(); b != nil || !errors.Is(f.err, errRecord) {
			t.Errorf("%s: %v, %v", name, b, f.err)
		}
		if got := f.exactly(32); len(got) != 32 {
			t.Errorf("%s: %d bytes after an error", name, len(got))
		}
	}
	f := parse(newRecord(0).bytes([]byte{1}))
	if f.exactly(2); !errors.Is(f.err, errRecord) {
		t.Error("wrong length accepted")
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte(newRecord(0).bytes([]byte("x")).int(-9).uint(9).flag(true)))
	f.Add([]byte((&deviceRow{number: 1, noise: make([]byte, 32), identity: make([]byte, 32), signed: make([]byte, 32),
		signedSig: make([]byte, 64), facebook: make([]byte, 16), lid: "1@lid"}).encode()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		if row, err := parseDeviceRow(raw); err == nil {
			again, err := parseDeviceRow(row.encode())
			if err != nil || !row.same(again) {
				t.Errorf("device row does not survive: %v", err)
			}
			if _, err := row.device(); err == nil && row.lid != "" && !strings.Contains(row.lid, "@") {
				t.Logf("odd LID %q", row.lid)
			}
		}
		if c, err := parseContact(raw); err == nil {
			if again, err := parseContact(encodeContact(c)); err != nil || again != c {
				t.Errorf("contact does not survive: %v", err)
			}
		}
		_, _ = parseChat(raw)
		_, _ = parseToken(raw)
		_, _ = parseBuffered(raw)
		_, _ = parseSyncKey(raw)
		_, _, _ = parsePreKey(raw)
		if b, err := parseBlob(raw); err == nil && len(b) > 0 {
			b[0]++
		}
		if !bytes.Equal(raw, before) {
			t.Error("decoding changed the record")
		}
	})
}

func TestEscapedKeysAreDistinctAndKeepPrefixes(t *testing.T) {
	t.Parallel()
	parts := []string{"", "a", "\x00", "\x01", "\x01\x01", "a\x00", "\x00a", "\x01\x02"}
	seen := map[string][2]string{}
	for _, a := range parts {
		for _, b := range parts {
			key := string(join(a, b))
			if other, clash := seen[key]; clash {
				t.Errorf("%q and %q share a key", other, [2]string{a, b})
			}
			seen[key] = [2]string{a, b}
			if !bytes.HasPrefix(join(a+b), join(a)) {
				t.Errorf("prefix of %q lost", a+b)
			}
		}
	}
}

func TestGuardTurnsPanicsIntoStoreErrors(t *testing.T) {
	t.Parallel()
	err := func() (err error) {
		defer guard("Method", &err)
		panic("boom")
	}()
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "Method") {
		t.Errorf("error = %v", err)
	}
}

func TestLockWaitEnds(t *testing.T) {
	t.Parallel()
	l := newLock()
	if err := l.acquire(context.Background(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := l.acquire(context.Background(), time.Millisecond); !errors.Is(err, errBusy) {
		t.Errorf("error = %v", err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.acquire(cancelled, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	l.release()
	if err := l.acquire(context.Background(), time.Hour); err != nil {
		t.Fatal(err)
	}
}
