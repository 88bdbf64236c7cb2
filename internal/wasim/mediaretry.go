package wasim

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waMmsRetry"
	"google.golang.org/protobuf/proto"
)

// mediaGone is the code that tells a client that the phone has no such file.
const mediaGone = "2"

// mediaAgain answers a companion that could not fetch the file of a message: the
// phone uploads it once more and tells the new path.
func (p *Phone) mediaAgain(d *device, n *waBinary.Node) {
	id := stringAttr(n, "id")
	rmr, ok := n.GetOptionalChildByTag("rmr")
	if !ok {
		return // about a history, which is not kept
	}
	answer := waBinary.Node{Tag: "error", Attrs: waBinary.Attrs{"code": mediaGone}}
	encrypt, err := p.uploadAgain(id, n)
	if err == nil {
		answer = encrypt
	} else {
		p.s.log.Warn("upload again", "phone", p.number, "id", id, "error", err)
	}
	st := notification("mediaretry", p.pn, answer, rmr)
	st.id, st.node.Attrs["id"] = id, id
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.enqueue(d, st)
}

func (p *Phone) uploadAgain(id string, n *waBinary.Node) (encrypt waBinary.Node, err error) {
	msg := p.Message(id)
	if msg == nil {
		return encrypt, ErrUnknownMessage
	}
	f, kind := attachmentOf(msg)
	if kind == "" {
		return encrypt, errors.New("the message has no file")
	}
	key, err := hkdf.Key(sha256.New, f.GetMediaKey(), nil, "WhatsApp Media Retry Notification", 32)
	if err != nil {
		return encrypt, fmt.Errorf("retry key: %w", err)
	}
	box, err := newSealer(key)
	if err != nil {
		return encrypt, fmt.Errorf("retry key: %w", err)
	}
	iv := bytesOf(n.GetChildByTag("encrypt", "enc_iv"))
	if len(iv) != box.aead.NonceSize() {
		return encrypt, errors.New("the request has no nonce")
	}
	plain, err := box.aead.Open(nil, iv, bytesOf(n.GetChildByTag("encrypt", "enc_p")), []byte(id))
	if err != nil {
		return encrypt, fmt.Errorf("open the request: %w", err)
	}
	var request waMmsRetry.ServerErrorReceipt
	if err := proto.Unmarshal(plain, &request); err != nil {
		return encrypt, fmt.Errorf("decode the request: %w", err)
	}
	if request.GetStanzaID() != id {
		return encrypt, fmt.Errorf("the request is for %q", request.GetStanzaID())
	}
	path, err := p.s.renewMedia(f.GetDirectPath())
	if err != nil {
		return encrypt, err
	}
	raw, err := proto.Marshal(&waMmsRetry.MediaRetryNotification{
		StanzaID: &id, DirectPath: &path, Result: waMmsRetry.MediaRetryNotification_SUCCESS.Enum(),
	})
	if err != nil {
		return encrypt, fmt.Errorf("encode the answer: %w", err)
	}
	_, _ = rand.Read(iv) // never returns an error
	return waBinary.Node{Tag: "encrypt", Content: []waBinary.Node{
		{Tag: "enc_p", Content: box.aead.Seal(nil, iv, raw, []byte(id))}, {Tag: "enc_iv", Content: iv},
	}}, nil
}

// renewMedia puts a file, dead or alive, under a new path.
func (s *Server) renewMedia(direct string) (string, error) {
	u, err := url.Parse(direct)
	if err != nil {
		return "", errNoMedia
	}
	s.mu.Lock()
	f := s.media[u.Path]
	s.mu.Unlock()
	if f == nil {
		return "", errNoMedia
	}
	return s.putMedia(f.data, 0), nil
}
