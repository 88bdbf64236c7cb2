package whatsapp

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// stream is the raw stream of a websocket that carries the given bodies, each as
// a frame of its own, with a ping between them.
func stream(bodies ...[]byte) []byte {
	var out []byte
	for _, body := range bodies {
		data := append([]byte{byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
		out = append(out, 0x89, 2, 'h', 'i')
		out = append(out, websocketHeader(len(data))...)
		out = append(out, data...)
	}
	return out
}

func websocketHeader(n int) []byte {
	switch {
	case n < 126:
		return []byte{0x82, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{0x82, 126}, uint16(n))
	default:
		return binary.BigEndian.AppendUint64([]byte{0x82, 127}, uint64(n))
	}
}

type readOnly struct{ io.Reader }

func (readOnly) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (readOnly) Close() error              { return nil }

func TestShortFramesAreSpoiled(t *testing.T) {
	t.Parallel()
	body := func(n int) []byte { return bytes.Repeat([]byte{7}, n) }
	spoiled := func(n int) []byte { b := body(n); b[0] ^= 0xff; return b }
	lengths := []int{300, 15, 16, 17, 19, 20, 0, 1, 16, 70_000, 18, 125, 126, 127}
	var before, after [][]byte
	for _, n := range lengths {
		before = append(before, body(n))
		if n >= 16 && n <= 19 {
			after = append(after, spoiled(n))
		} else {
			after = append(after, body(n))
		}
	}
	raw, want := stream(before...), stream(after...)
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(raw), "byte by byte": iotest.OneByteReader(bytes.NewReader(raw)), "halves": iotest.HalfReader(bytes.NewReader(raw)),
	} {
		got, err := io.ReadAll(&guardedConn{ReadWriteCloser: readOnly{r}})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v, want %d with the short frames spoiled", name, len(got), err, len(want))
		}
	}
}

func TestDefuse(t *testing.T) {
	t.Parallel()
	stanza := func(id any) *waBinary.Node {
		return &waBinary.Node{
			Tag: "iq", Attrs: waBinary.Attrs{"id": id}, Content: []waBinary.Node{{Tag: "pair-success"}},
		}
	}
	for _, id := range []any{nil, types.ServerJID, 7} {
		node := stanza(id)
		if defuse(node); node.Tag == "iq" {
			t.Errorf("pair-success with the id %v goes on to the library", id)
		}
	}
	for _, node := range []*waBinary.Node{
		stanza("1"), {Tag: "iq"}, {Tag: "iq", Content: []waBinary.Node{{Tag: "pair-device"}}}, {Tag: "message"},
	} {
		tag := node.Tag
		if defuse(node); node.Tag != tag {
			t.Errorf("%+v was taken out", node)
		}
	}
}
