package wastore_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// step is one line of a history: a call of a store method, or one of the
// others: txn, parallel, reopen, advance, sweep, pair, save, delete, erase,
// load, devices. Which fields a call uses, and how, is written at the call.
type step struct {
	Call  string   `json:"call"`
	Dev   int      `json:"dev,omitempty"`
	Stale bool     `json:"stale,omitempty"` // on the Device object of an earlier pairing
	Dead  bool     `json:"dead,omitempty"`  // with a context that is cancelled already
	A     string   `json:"a,omitempty"`
	B     string   `json:"b,omitempty"`
	C     string   `json:"c,omitempty"`
	N     int64    `json:"n,omitempty"`
	M     int64    `json:"m,omitempty"`
	V     value    `json:"v,omitempty"`
	List  []entry  `json:"list,omitempty"`
	End   string   `json:"end,omitempty"` // of a txn: commit, error, panic, cancel
	Ops   []step   `json:"ops,omitempty"`
	Lists [][]step `json:"lists,omitempty"` // of parallel, one per device
}

// entry is one element of a batch.
type entry struct {
	A string `json:"a,omitempty"`
	B string `json:"b,omitempty"`
	C string `json:"c,omitempty"`
	N int64  `json:"n,omitempty"`
	M int64  `json:"m,omitempty"`
	V value  `json:"v,omitempty"`
}

// value stands for bytes: "" is nil, "0" empty, "1700.3" 1700 bytes of a
// pattern that depends on 3.
type value string

const noValue value = ""

func sized(size, seed int) value {
	if size == 0 {
		return "0"
	}
	return value(fmt.Sprintf("%d.%d", size, seed))
}

func (v value) bytes() []byte {
	if v == noValue {
		return nil
	}
	sizeText, seedText, _ := strings.Cut(string(v), ".")
	size, _ := strconv.Atoi(sizeText)
	seed, _ := strconv.Atoi(seedText)
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(seed + i*7)
	}
	return b
}

// jidOf reads a JID as it stands there. types.ParseJID would refuse some that
// the tests want.
func jidOf(s string) types.JID {
	if s == "" {
		return types.JID{}
	}
	user, server, _ := strings.Cut(s, "@")
	jid := types.NewJID(user, server)
	if name, device, ok := strings.Cut(user, ":"); ok {
		n, _ := strconv.Atoi(device)
		jid.User, jid.Device = name, uint16(n)
	}
	return jid
}

const (
	zeroTime = math.MinInt64
	forever  = math.MaxInt64
)

// timeOf is the time n seconds after the epoch, with two special ones.
func timeOf(n int64) time.Time {
	switch n {
	case zeroTime:
		return time.Time{}
	case forever:
		return wmstore.MutedForever
	}
	return time.Unix(n, 123)
}

// count is the number of calls in a step.
func (s *step) count() int {
	n := 1
	for i := range s.Ops {
		n += s.Ops[i].count()
	}
	for _, list := range s.Lists {
		for i := range list {
			n += list[i].count()
		}
	}
	return n
}

func encodeHistory(steps []step) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for i := range steps {
		_ = enc.Encode(&steps[i]) // never fails on these types
	}
	return out.Bytes()
}

func decodeHistory(raw []byte) (steps []step, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	for dec.More() {
		var s step
		if err := dec.Decode(&s); err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}
