package demo

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	keepCalls   = 100
	maxCallBody = 1 << 20
)

// call is one webhook call that arrived.
type call struct {
	At        time.Time
	ID        string // webhook-id
	Event     string
	Signature bool
	Body      string // indented
}

// receiver is the program at the other end of a webhook.
type receiver struct {
	mu    sync.Mutex
	calls []call // newest first
	total int
}

func newReceiver() *receiver { return &receiver{} }

// take answers 200 to every call and remembers the newest.
func (v *receiver) take(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallBody))
	if err != nil {
		http.Error(w, "body too large", http.StatusRequestEntityTooLarge)
		return
	}
	var head struct {
		Event string `json:"event"`
	}
	var pretty bytes.Buffer
	if json.Unmarshal(raw, &head) != nil || json.Indent(&pretty, raw, "", "  ") != nil {
		pretty.Reset()
		pretty.Write(raw)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.total++
	v.calls = append([]call{{
		At: time.Now(), ID: r.Header.Get("webhook-id"), Event: head.Event,
		Signature: r.Header.Get("webhook-signature") != "", Body: pretty.String(),
	}}, v.calls...)
	v.calls = v.calls[:min(len(v.calls), keepCalls)]
	w.WriteHeader(http.StatusOK)
}

func (v *receiver) list() ([]call, int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]call(nil), v.calls...), v.total
}
