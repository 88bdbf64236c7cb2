package wasim

import (
	"context"
	"errors"
	"fmt"

	waBinary "go.mau.fi/whatsmeow/binary"

	"github.com/coder/websocket"
)

const (
	// frameHeader is what a client writes before its first frame: "WA", the
	// protocol version and the dictionary version. It is also the Noise prologue.
	frameHeader = 4
	// frameLimit is the largest frame the client accepts (socket/constants.go).
	frameLimit = 1 << 24
)

// frames reads and writes length-prefixed frames over one websocket.
type frames struct {
	ws     *websocket.Conn
	header []byte // the client's first four bytes, empty until then
	buf    []byte
}

// read returns the next frame.
func (f *frames) read(ctx context.Context) ([]byte, error) {
	for {
		if len(f.header) == 0 && len(f.buf) >= frameHeader {
			if f.buf[0] != 'W' || f.buf[1] != 'A' {
				return nil, errors.New("the connection does not begin with WA")
			}
			f.header, f.buf = f.buf[:frameHeader:frameHeader], f.buf[frameHeader:]
		}
		if len(f.header) > 0 && len(f.buf) >= 3 {
			size := int(f.buf[0])<<16 | int(f.buf[1])<<8 | int(f.buf[2])
			if len(f.buf) >= 3+size {
				body := f.buf[3 : 3+size : 3+size]
				f.buf = f.buf[3+size:]
				return body, nil
			}
		}
		kind, data, err := f.ws.Read(ctx)
		if err != nil {
			return nil, err
		}
		if kind != websocket.MessageBinary {
			continue
		}
		f.buf = append(f.buf, data...)
	}
}

// write sends body as one frame in exactly one websocket message: whatsmeow's
// reassembly of a frame that is spread over several messages is off by the
// three bytes of the length.
func (f *frames) write(ctx context.Context, body []byte) error {
	if len(body) >= frameLimit {
		return fmt.Errorf("frame of %d bytes is too large", len(body))
	}
	out := make([]byte, 0, 3+len(body))
	out = append(out, byte(len(body)>>16), byte(len(body)>>8), byte(len(body)))
	return f.ws.Write(ctx, websocket.MessageBinary, append(out, body...))
}

// decodeNode reads one stanza. The decoder of the binary package panics on some
// malformed input, which must end the connection and not the process.
func decodeNode(plain []byte) (node *waBinary.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed stanza: %v", r)
		}
	}()
	if len(plain) == 0 {
		return nil, errors.New("empty stanza")
	}
	data, err := waBinary.Unpack(plain)
	if err != nil {
		return nil, fmt.Errorf("unpack stanza: %w", err)
	}
	return waBinary.Unmarshal(data)
}
