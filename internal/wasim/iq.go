package wasim

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// iqAnswer is the answer to a query.
type iqAnswer struct {
	content []waBinary.Node
	fail    int    // error code instead of content
	after   func() // run when the answer has been queued, may be nil
}

// handle deals with one stanza of a client. It runs on the connection's reader,
// so stanzas of one client are handled in order.
func (s *Server) handle(c *conn, n *waBinary.Node) {
	switch n.Tag {
	case "iq":
		s.handleIQ(c, n)
	case "message":
		s.handleMessage(c, n)
	case "receipt":
		s.handleReceipt(c, n)
	case "ack":
		s.handleAck(c, n)
	case "presence":
		s.handlePresence(c, n)
	case "chatstate":
		s.handleChatState(c, n)
	case "ib", "call":
		// Nothing depends on them here.
	default:
		s.log.Debug("stanza ignored", "tag", n.Tag)
	}
}

func (s *Server) handleIQ(c *conn, n *waBinary.Node) {
	kind, _ := n.Attrs["type"].(string)
	id, _ := n.Attrs["id"].(string)
	if kind == "result" || kind == "error" {
		s.mu.Lock()
		if pr := c.pairing; pr != nil && pr.id == id {
			c.pairing = nil
			pr.answer <- n // capacity 1, and each pairing is answered once
		}
		s.mu.Unlock()
		return
	}
	xmlns, _ := n.Attrs["xmlns"].(string)
	f := s.Faults()
	if slices.Contains(f.SilentIQ, xmlns) || slices.Contains(f.SilentIQ, "*") {
		return
	}
	var a iqAnswer
	if code := f.FailIQ[xmlns]; code != 0 {
		a.fail = code
	} else {
		a = s.answer(c, xmlns, n)
	}
	c.later(f.SlowIQ, func() {
		c.send(reply(n, a))
		if a.after != nil {
			a.after()
		}
	})
}

func reply(n *waBinary.Node, a iqAnswer) waBinary.Node {
	out := waBinary.Node{Tag: "iq", Attrs: waBinary.Attrs{"from": types.ServerJID, "id": n.Attrs["id"], "type": "result"}}
	switch {
	case a.fail != 0:
		out.Attrs["type"] = "error"
		out.Content = []waBinary.Node{errorNode(a.fail)}
	case a.content != nil:
		out.Content = a.content
	}
	return out
}

func errorNode(code int) waBinary.Node {
	text := map[int]string{
		400: "bad-request", 401: "not-authorized", 403: "forbidden", 404: "item-not-found", 405: "not-allowed",
		409: "conflict", 429: "rate-overlimit", 500: "internal-server-error", 501: "feature-not-implemented", 503: "service-unavailable",
	}[code]
	return waBinary.Node{Tag: "error", Attrs: waBinary.Attrs{"code": strconv.Itoa(code), "text": text}}
}

// answer finds the answer by namespace; the list is what this version of the
// engine asks for.
func (s *Server) answer(c *conn, xmlns string, n *waBinary.Node) iqAnswer {
	ctx := c.ctx
	switch xmlns {
	case "w:p", "urn:xmpp:whatsapp:dirty", "w:stats":
		return iqAnswer{}
	case "encrypt":
		return s.iqEncrypt(ctx, c, n)
	case "passive":
		if _, ok := n.GetOptionalChildByTag("active"); ok {
			return iqAnswer{after: func() { s.activate(c) }}
		}
		return iqAnswer{}
	case "usync":
		return s.iqUsync(n)
	case "w:sync:app:state":
		return s.iqAppState(ctx, c, n)
	case "md":
		return s.iqMultiDevice(c, n)
	case "w:profile:picture":
		return s.iqPicture(c, n)
	case "privacy":
		return s.iqPrivacy(c, n)
	case "blocklist":
		return iqAnswer{content: []waBinary.Node{{Tag: "list"}}}
	case "w:m":
		return iqAnswer{content: []waBinary.Node{{
			Tag:     "media_conn",
			Attrs:   waBinary.Attrs{"auth": mediaAuth, "ttl": "3600", "auth_ttl": "3600", "max_buckets": "12"},
			Content: []waBinary.Node{{Tag: "host", Attrs: waBinary.Attrs{"hostname": mediaHost}}},
		}}}
	case "w:g2":
		return s.iqGroup(c, n)
	}
	return s.unanswerable(xmlns, n)
}

func (s *Server) unanswerable(xmlns string, n *waBinary.Node) iqAnswer {
	what := []string{stringAttr(n, "type"), xmlns}
	for _, child := range n.GetChildren() {
		what = append(what, child.Tag)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown = append(s.unknown, strings.Join(what, " "))
	return iqAnswer{fail: 501}
}

// iqMultiDevice answers what belongs to linking and unlinking.
func (s *Server) iqMultiDevice(c *conn, n *waBinary.Node) iqAnswer {
	for _, child := range n.GetChildren() {
		switch child.Tag {
		case "remove-companion-device":
			return s.iqLogout(c, child)
		case "link_code_companion_reg":
			return s.iqCode(c, child)
		case "ref", "passkey_request_options", "passkey_prologue", "companion_nonce", "encrypted_pairing_request":
			return s.iqPasskey(c, child)
		}
	}
	return s.unanswerable("md", n)
}

// iqLogout answers the companion's own log-out. The client hangs up by itself
// when it has the answer; a stream error would be taken for a log-out by the phone.
func (s *Server) iqLogout(c *conn, asked waBinary.Node) iqAnswer {
	jid, _ := asked.Attrs["jid"].(types.JID)
	s.mu.Lock()
	defer s.mu.Unlock()
	d := c.device
	if d == nil || !d.is(jid) {
		return iqAnswer{fail: 403}
	}
	return iqAnswer{after: func() {
		s.mu.Lock()
		s.unlink(d)
		s.mu.Unlock()
		c.later(hangUp, c.close)
	}}
}

// handleAck takes the answer to a notification or receipt, or a message that the
// client gave up on.
func (s *Server) handleAck(c *conn, n *waBinary.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.device != nil {
		s.answered(c.device, stringAttr(n, "class"), stringAttr(n, "id"), true)
	}
}

// notification makes a notification that the device has to acknowledge.
func notification(kind string, from types.JID, content ...waBinary.Node) *stanza {
	id := newID()
	return &stanza{class: "notification", id: id, node: waBinary.Node{
		Tag: "notification", Attrs: waBinary.Attrs{"id": id, "type": kind, "from": from, "t": now()}, Content: content,
	}}
}

// Notify queues a notification of any type for a device, to be acknowledged like
// a real one. It returns [ErrUnknownDevice] when there is no such device.
func (s *Server) Notify(device types.JID, kind string, from types.JID, content ...waBinary.Node) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.device(device)
	if d == nil {
		return ErrUnknownDevice
	}
	s.enqueue(d, notification(kind, from, content...))
	return nil
}

// WaitSettled waits until a device has answered everything, notifications and
// receipts included.
func (s *Server) WaitSettled(ctx context.Context, device types.JID) error {
	return s.until(ctx, func() (bool, error) {
		d := s.device(device)
		if d == nil {
			return false, ErrUnknownDevice
		}
		return len(d.queue) == 0, nil
	})
}

func stringAttr(n *waBinary.Node, key string) string {
	text, _ := n.Attrs[key].(string)
	return text
}

// newID makes the id of a stanza of the server.
func newID() string {
	raw := make([]byte, 8)
	_, _ = rand.Read(raw) // never returns an error
	return hex.EncodeToString(raw)
}

// newMessageID makes a message id of the form that Android phones use.
func newMessageID() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never returns an error
	return strings.ToUpper(hex.EncodeToString(raw))
}
