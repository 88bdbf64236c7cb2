package wasim

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/binary/token"
	"go.mau.fi/whatsmeow/types"
)

// Malformation is a frame that no healthy server sends. Some of them end the
// process of a client at this version of the engine (DESIGN.md has the table), so
// they belong into tests of a process of its own.
type Malformation string

// What [Server.Malformed] can send.
const (
	// EmptyFrame is a frame that decrypts to nothing.
	EmptyFrame Malformation = "empty"
	// FlagOnly is a frame that decrypts to its flag byte and nothing else.
	FlagOnly Malformation = "flag"
	// TwoZeroBytes is a stanza of two zero bytes.
	TwoZeroBytes Malformation = "zeroes"
	// CutStanza is a stanza that ends in the middle.
	CutStanza Malformation = "cut"
	// BadDeflate is a stanza that claims to be packed and is not.
	BadDeflate Malformation = "deflate"
	// DeepStanza is a small frame that inflates to elements inside each other; the
	// size is their number, four million when 0.
	DeepStanza Malformation = "deep"
	// Bomb is a small frame that inflates to one element with a huge content; the
	// size is its length in bytes, 1 GiB when 0.
	Bomb Malformation = "bomb"
	// PairSuccessWithoutID is a pair-success without an id.
	PairSuccessWithoutID Malformation = "pairsuccess"
	// ChildlessPasskey is a passkey request without anything in it.
	ChildlessPasskey Malformation = "passkey"
	// NumberAsID is a message whose id and time are no text.
	NumberAsID Malformation = "attrs"
)

// ErrUnknownMalformation says that there is no such malformed frame.
var ErrUnknownMalformation = errors.New("unknown malformation")

// Malformed sends a malformed frame to a device, outside the queue; the zero JID
// means every client that is not linked. It returns [ErrUnknownDevice] when
// nobody is connected there.
func (s *Server) Malformed(device types.JID, kind Malformation, size int) error {
	raw, err := malformed(kind, size)
	if err != nil {
		return err
	}
	return s.SendRaw(device, raw)
}

// SendRaw sends a frame that decrypts to the given bytes, the flag byte included,
// to a device or, with the zero JID, to every client that is not linked.
func (s *Server) SendRaw(device types.JID, plain []byte) error {
	if plain == nil {
		plain = []byte{}
	}
	to := s.connsOf(device)
	if len(to) == 0 {
		return ErrUnknownDevice
	}
	for _, c := range to {
		c.push(outgoing{raw: plain})
	}
	return nil
}

func malformed(kind Malformation, size int) ([]byte, error) {
	switch kind {
	case EmptyFrame:
		return []byte{}, nil
	case FlagOnly:
		return []byte{0}, nil
	case TwoZeroBytes:
		return []byte{0, 0, 0}, nil
	case CutStanza:
		return []byte{0, token.List8, 5, 3}, nil
	case BadDeflate:
		return []byte{2, 1, 2, 3, 4}, nil
	case DeepStanza:
		if size <= 0 {
			size = 4_000_000
		}
		return deepFrame(size)
	case Bomb:
		if size <= 0 {
			size = 1 << 30
		}
		return bombFrame(size)
	case PairSuccessWithoutID:
		return waBinary.Marshal(waBinary.Node{
			Tag: "iq", Attrs: waBinary.Attrs{"from": types.ServerJID, "type": "set", "xmlns": "md", "t": now()},
			Content: []waBinary.Node{{Tag: "pair-success"}},
		})
	case ChildlessPasskey:
		return waBinary.Marshal(waBinary.Node{Tag: "notification", Attrs: waBinary.Attrs{
			"from": types.ServerJID, "type": "passkey_prologue_request", "id": newID(), "t": now(),
		}})
	case NumberAsID:
		return waBinary.Marshal(waBinary.Node{Tag: "message", Attrs: waBinary.Attrs{
			"from": types.ServerJID, "id": types.ServerJID, "t": "soon", "type": types.ServerJID,
		}})
	}
	return nil, fmt.Errorf("%w %q", ErrUnknownMalformation, kind)
}

// packedFlag announces a packed stanza.
const packedFlag = 2

// deepFrame packs elements inside each other. Each begins as a list of two parts,
// its name and its content, the content being a list of one element.
func deepFrame(depth int) ([]byte, error) {
	level := []byte{token.List8, 2, 3, token.List8, 1}
	return packFrame(io.LimitReader(&repeat{part: level}, int64(depth*len(level))))
}

// bombFrame packs one element with a content of zeroes.
func bombFrame(size int) ([]byte, error) {
	head := []byte{token.List8, 2, 3, token.Binary32}
	head = binary.BigEndian.AppendUint32(head, uint32(size))
	return packFrame(io.MultiReader(bytes.NewReader(head), io.LimitReader(zeroes{}, int64(size))))
}

func packFrame(r io.Reader) ([]byte, error) {
	out := bytes.NewBuffer([]byte{packedFlag})
	z := zlib.NewWriter(out)
	if _, err := io.Copy(z, r); err != nil {
		return nil, fmt.Errorf("pack frame: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack frame: %w", err)
	}
	return out.Bytes(), nil
}

// repeat reads the same part again and again.
type repeat struct {
	part []byte
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.part[r.at]
		r.at = (r.at + 1) % len(r.part)
	}
	return len(p), nil
}
