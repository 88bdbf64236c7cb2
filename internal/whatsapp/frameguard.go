package whatsapp

import (
	"encoding/binary"
	"io"
	"net/http"

	waBinary "go.mau.fi/whatsmeow/binary"
)

// The library dies of some frames that no healthy server sends. What of them can
// be told from outside it is taken out here: short ones by their length, which
// encryption does not hide, and a stanza in the moment between its decoding and
// its handling.

// A frame is sealed with AES-GCM. What it holds begins with a flag byte; the
// shortest stanza has three more. The library's decoder reads past the end of
// nothing at all and of a stanza of two zero bytes.
const (
	sealLength    = 16
	shortestPlain = 4
)

// guarded is client for websockets: what comes through them is looked at.
func guarded(client *http.Client) *http.Client {
	return &http.Client{Transport: frameGuard{next: client.Transport}}
}

type frameGuard struct{ next http.RoundTripper }

// RoundTrip opens a websocket without compression: what is encrypted does not
// get smaller, and the lengths of frames must show.
func (g frameGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Del("Sec-WebSocket-Extensions")
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return resp, err
	}
	if conn, ok := resp.Body.(io.ReadWriteCloser); ok && resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body = &guardedConn{ReadWriteCloser: conn}
	}
	return resp, nil
}

// guardedConn is the raw stream of a websocket (RFC 6455). Frames that are too
// short to hold a stanza are spoiled on their way: the library then fails to
// open them, says so and goes on, its counter in step.
type guardedConn struct {
	io.ReadWriteCloser
	outer frameHeader // of the websocket's frames
	inner frameHeader // of the frames in them: three bytes of length, then the body
	data  uint64      // bytes left of the websocket frame
	body  uint64      // bytes left of the inner frame
	skip  bool        // the websocket frame carries no data
	spoil bool        // the next byte of the body is to be changed
}

// frameHeader collects the bytes of a header.
type frameHeader struct {
	bytes [10]byte
	n     int
}

func (c *guardedConn) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	c.look(p[:n])
	return n, err
}

// look follows the stream.
func (c *guardedConn) look(p []byte) {
	for len(p) > 0 {
		if c.data == 0 {
			c.outerByte(p[0])
			p = p[1:]
			continue
		}
		part := p[:min(uint64(len(p)), c.data)]
		c.data -= uint64(len(part))
		p = p[len(part):]
		if !c.skip {
			c.lookInside(part)
		}
	}
}

// outerByte takes a byte of a websocket frame's header. Servers do not mask.
func (c *guardedConn) outerByte(b byte) {
	const (
		controlBit  = 0x08
		lengthBits  = 0x7f
		twoBytes    = 126
		eightBytes  = 127
		shortHeader = 2
	)
	h := &c.outer
	h.bytes[h.n] = b
	h.n++
	if h.n < shortHeader {
		return
	}
	switch length := uint64(h.bytes[1] & lengthBits); {
	case length == twoBytes && h.n == shortHeader+2:
		c.data = uint64(binary.BigEndian.Uint16(h.bytes[shortHeader:]))
	case length == eightBytes && h.n == shortHeader+8:
		c.data = binary.BigEndian.Uint64(h.bytes[shortHeader:])
	case length >= twoBytes:
		return
	default:
		c.data = length
	}
	c.skip = h.bytes[0]&controlBit != 0
	h.n = 0
}

// lookInside follows the frames in the websocket's data.
func (c *guardedConn) lookInside(p []byte) {
	for len(p) > 0 {
		if c.body == 0 {
			c.innerByte(p[0])
			p = p[1:]
			continue
		}
		if c.spoil {
			p[0] ^= 0xff
			c.spoil = false
		}
		n := min(uint64(len(p)), c.body)
		c.body -= n
		p = p[n:]
	}
}

func (c *guardedConn) innerByte(b byte) {
	const headerLength = 3
	h := &c.inner
	h.bytes[h.n] = b
	h.n++
	if h.n < headerLength {
		return
	}
	h.n = 0
	c.body = uint64(h.bytes[0])<<16 | uint64(h.bytes[1])<<8 | uint64(h.bytes[2])
	c.spoil = c.body >= sealLength && c.body < sealLength+shortestPlain
}

// defuse takes the tag off a stanza that the library would die of, so that it
// handles none: it takes the id of a pair-success for text without looking.
func defuse(node *waBinary.Node) {
	if _, text := node.Attrs["id"].(string); text || node.Tag != "iq" {
		return
	}
	if _, ok := node.GetOptionalChildByTag("pair-success"); ok {
		node.Tag = "defused"
	}
}
