package safehttp

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"
)

// Split says where the time of a call went. A part that did not happen, such as
// the look-up of a name on a connection that was there already, is zero.
type Split struct {
	DNS       time.Duration `json:"dns,omitempty"`
	Connect   time.Duration `json:"connect,omitempty"`
	TLS       time.Duration `json:"tls,omitempty"`
	FirstByte time.Duration `json:"firstByte,omitempty"` // from the sent request to the first byte of the answer
}

// part is one of the spans of a Split.
type part int

const (
	partDNS part = iota
	partConnect
	partTLS
	partAnswer
	parts
)

// stopwatch takes the times of one call. Its hooks are called from goroutines
// of the transport, also after the call has ended.
type stopwatch struct {
	start time.Time

	mu      sync.Mutex
	began   [parts]time.Time
	took    [parts]time.Duration
	address string
}

func newStopwatch() *stopwatch { return &stopwatch{start: time.Now()} }

func (w *stopwatch) begin(p part) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began[p] = time.Now()
}

func (w *stopwatch) end(p part) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.began[p].IsZero() {
		w.took[p] = time.Since(w.began[p])
	}
}

func (w *stopwatch) reached(address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.address = address
}

func (w *stopwatch) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { w.begin(partDNS) },
		DNSDone:  func(httptrace.DNSDoneInfo) { w.end(partDNS) },
		ConnectStart: func(_, address string) {
			w.begin(partConnect)
			w.reached(address)
		},
		ConnectDone:          func(string, string, error) { w.end(partConnect) },
		TLSHandshakeStart:    func() { w.begin(partTLS) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { w.end(partTLS) },
		GotConn:              func(c httptrace.GotConnInfo) { w.reached(c.Conn.RemoteAddr().String()) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { w.begin(partAnswer) },
		GotFirstResponseByte: func() { w.end(partAnswer) },
	}
}

// result is what the watch shows now.
func (w *stopwatch) result() Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Result{
		Took: time.Since(w.start), Address: w.address,
		Split: Split{DNS: w.took[partDNS], Connect: w.took[partConnect], TLS: w.took[partTLS], FirstByte: w.took[partAnswer]},
	}
}
