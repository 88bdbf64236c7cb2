package wasim

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/coder/websocket"
	waBinary "go.mau.fi/whatsmeow/binary"
)

const (
	// grace is how long an older connection of the same device may take to end by
	// itself before it is called replaced: a client that drops its socket may be
	// back before the server has noticed.
	grace = 150 * time.Millisecond
	// farewell is how long a connection stays open after the server's last word when
	// the client waits for its end.
	farewell = 250 * time.Millisecond
	// hangUp is the same when the client hangs up by itself. A busy one that finds the
	// socket closed before it has handled the word would reconnect or, after a 515,
	// never come back.
	hangUp = 5 * time.Second
	// writeTime bounds one write to a client that does not read.
	writeTime = 20 * time.Second
)

// conn is one websocket of a client.
type conn struct {
	s      *Server
	ws     *websocket.Conn
	frames frames
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // helpers of this connection
	static [32]byte       // the client's Noise key
	keys   *handshakeResult

	outMu sync.Mutex
	out   []outgoing
	wake  chan struct{} // capacity 1

	// Guarded by s.mu.
	device   *device         // nil while not linked
	active   bool            // the client has asked for its stanzas
	reg      *registration   // what an unlinked client has told about itself
	pairing  *pairing        // a scan that waits for the client's answer
	typed    *codeRequest    // a linking code that the client shows
	passkey  *passkeyStep    // the passkey step of the scan
	presence []string        // what the client has said of itself, oldest first
	subs     map[*Phone]bool // whose presence it wants
}

// outgoing is a stanza on its way to the writer.
type outgoing struct {
	node waBinary.Node
	raw  []byte        // instead of node: what the client decrypts, as it is
	last time.Duration // when not 0: close that long after this one
	sent chan struct{} // closed when written, may be nil
}

// serveConn runs a connection until it ends. It owns all its goroutines.
func (s *Server) serveConn(ws *websocket.Conn) {
	c := &conn{s: s, ws: ws, frames: frames{ws: ws}, wake: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	s.mu.Lock()
	gone := s.closed || s.stopped
	s.conns[c] = struct{}{}
	s.announce()
	s.mu.Unlock()
	defer func() {
		c.close()
		// Closing a socket that the other side has closed already is no news.
		_ = ws.CloseNow()
		c.wg.Wait()
		s.forget(c)
	}()
	if gone {
		return
	}
	if err := c.greet(); err != nil {
		s.log.Debug("handshake", "error", err)
		return
	}
	if s.Faults().CloseAfterHandshake {
		return
	}
	c.wg.Go(c.writeLoop)
	if c.keys.payload.GetDevicePairingData() != nil {
		s.offerCodes(c)
	} else {
		s.login(c)
	}
	c.readLoop()
}

func (c *conn) greet() error {
	ctx, cancel := context.WithTimeout(c.ctx, handshakeTime)
	defer cancel()
	f := c.s.Faults()
	server := c.s
	if f.BadCertificate {
		stranger, err := c.s.stranger()
		if err != nil {
			return err
		}
		server = stranger
	}
	res, err := server.handshake(ctx, &c.frames, func() error { return pause(ctx, f.SlowHandshake) })
	if err != nil {
		return err
	}
	c.keys, c.static = res, res.static
	return nil
}

// stranger returns a server value good for one handshake whose certificate chain
// comes from another root.
func (s *Server) stranger() (*Server, error) {
	chain, err := certChain(NewRoot().noise(), s.static.Pub, time.Now())
	if err != nil {
		return nil, err
	}
	return &Server{static: s.static, chain: chain}, nil
}

// pause waits for d, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *conn) readLoop() {
	for {
		box, err := c.frames.read(c.ctx)
		if err != nil {
			return
		}
		plain, err := c.keys.recv.open(box, nil)
		if err != nil {
			c.s.log.Warn("frame cannot be opened", "error", err)
			return
		}
		node, err := decodeNode(plain)
		if err != nil {
			c.s.log.Warn("stanza cannot be read", "error", err)
			return
		}
		c.trace("received", node)
		c.s.handle(c, node)
	}
}

// writeLoop is the only writer after the handshake, so that the counter of the
// cipher and the order on the wire agree.
func (c *conn) writeLoop() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.wake:
		}
		for {
			o, ok := c.next()
			if !ok {
				break
			}
			if err := c.write(o); err != nil {
				c.s.log.Debug("write", "device", c.name(), "error", err)
				c.close()
				return
			}
			if o.sent != nil {
				close(o.sent)
			}
			if o.last > 0 {
				// A cut-short pause means that the connection is over anyway.
				_ = pause(c.ctx, o.last)
				c.close()
				return
			}
		}
	}
}

func (c *conn) next() (outgoing, bool) {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	if len(c.out) == 0 {
		return outgoing{}, false
	}
	o := c.out[0]
	c.out = c.out[1:]
	return o, true
}

func (c *conn) write(o outgoing) error {
	plain := o.raw
	if plain == nil {
		var err error
		if plain, err = waBinary.Marshal(o.node); err != nil {
			return err
		}
		c.trace("sent", &o.node)
	}
	ctx, cancel := context.WithTimeout(c.ctx, writeTime)
	defer cancel()
	return c.frames.write(ctx, c.keys.send.seal(plain, nil))
}

// send queues a stanza; it never blocks.
func (c *conn) send(node waBinary.Node) { c.push(outgoing{node: node}) }

// sendLast queues the server's last word; the returned channel is closed when it
// has been written.
func (c *conn) sendLast(node waBinary.Node) <-chan struct{} {
	limit := hangUp
	if waitsForEnd(node) {
		limit = farewell
	}
	sent := make(chan struct{})
	c.push(outgoing{node: node, last: limit, sent: sent})
	return sent
}

// waitsForEnd says whether a client takes a last word for a hitch, after which it
// waits for the end of the connection and comes back.
func waitsForEnd(last waBinary.Node) bool {
	if last.Tag == "failure" {
		return last.Attrs["reason"] == "500" || last.Attrs["reason"] == "503"
	}
	_, conflict := last.GetOptionalChildByTag("conflict")
	return !conflict && last.Attrs["code"] != "515"
}

func (c *conn) push(o outgoing) {
	c.outMu.Lock()
	c.out = append(c.out, o)
	c.outMu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// close ends the connection without a word.
func (c *conn) close() { c.cancel() }

// later runs fn after d unless the connection ends first.
func (c *conn) later(d time.Duration, fn func()) {
	if d <= 0 {
		fn()
		return
	}
	c.wg.Go(func() {
		if pause(c.ctx, d) == nil {
			fn()
		}
	})
}

// trace logs a stanza. Writing it out as XML is dear, so only when asked for.
func (c *conn) trace(what string, node *waBinary.Node) {
	if c.s.log.Enabled(c.ctx, slog.LevelDebug) {
		c.s.log.Debug(what, "device", c.name(), "stanza", node.String())
	}
}

func (c *conn) name() string {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.device == nil {
		return "(unlinked)"
	}
	return c.device.pn().String()
}

// forget removes an ended connection from every table.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.unpaired[c.static] == c {
		delete(s.unpaired, c.static)
	}
	for _, r := range s.refs {
		if r.conn == c {
			r.conn = nil
		}
	}
	if c.device != nil && c.device.conn == c {
		c.device.conn = nil
	}
	c.active = false
	s.announce()
}

// displace sees off the older connection of the same device (or of the same
// Noise key while unlinked): it gets grace to end by itself and is then told that
// it was replaced.
func (c *conn) displace(older *conn) {
	if older == nil || older == c {
		return
	}
	c.wg.Go(func() {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-t.C:
			older.sendLast(streamConflict("replaced", ""))
		case <-older.ctx.Done():
		case <-c.s.ctx.Done():
		}
	})
}
