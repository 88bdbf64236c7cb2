package wasim

import (
	"context"
	"encoding/binary"
	"strconv"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/util/optional"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// lowKeys is the number of one-time keys below which the client wants to upload
// more (whatsmeow.MinPreKeyCount).
const lowKeys = 5

// publicKey is a prekey without its private half; sig is set on signed ones.
type publicKey struct {
	id  uint32
	pub [32]byte
	sig [64]byte
}

// keyStock is what the server keeps of a device's keys.
type keyStock struct {
	registration uint32
	identity     [32]byte
	signed       publicKey
	oneTime      []publicKey
}

// bundle is one helping from a keyStock, enough to begin a session.
type bundle struct {
	registration uint32
	identity     [32]byte
	signed       publicKey
	oneTime      *publicKey // nil when the stock is used up
}

func (k *keyStock) signatureValid() bool {
	text := append([]byte{ecc.DjbType}, k.signed.pub[:]...)
	return ecc.VerifySignature(ecc.NewDjbECPublicKey(k.identity), text, k.signed.sig)
}

func (k *keyStock) take() bundle {
	b := bundle{registration: k.registration, identity: k.identity, signed: k.signed}
	if len(k.oneTime) > 0 {
		b.oneTime = &k.oneTime[0]
		k.oneTime = k.oneTime[1:]
	}
	return b
}

// takeBundle gives out keys of a device, companion or phone; ok is false when
// there is no such device.
func (s *Server) takeBundle(jid types.JID) (b bundle, ok bool) {
	s.mu.Lock()
	p := s.account(jid)
	if p != nil && jid.Device == 0 {
		s.mu.Unlock()
		return p.ownBundle(), true
	}
	defer s.mu.Unlock()
	d := s.device(jid)
	if d == nil {
		return bundle{}, false
	}
	b = d.keys.take()
	if len(d.keys.oneTime) < lowKeys && d.provisioned && !d.lowKeys {
		d.lowKeys = true
		s.enqueue(d, notification("encrypt", types.ServerJID, waBinary.Node{
			Tag: "count", Attrs: waBinary.Attrs{"value": strconv.Itoa(len(d.keys.oneTime))},
		}))
	}
	return b, true
}

func (b bundle) signal(device uint16) *prekey.Bundle {
	id, one := optional.NewEmptyUint32(), ecc.ECPublicKeyable(nil)
	if b.oneTime != nil {
		id, one = optional.NewOptionalUint32(b.oneTime.id), ecc.NewDjbECPublicKey(b.oneTime.pub)
	}
	return prekey.NewBundle(b.registration, uint32(device), id, b.signed.id, one,
		ecc.NewDjbECPublicKey(b.signed.pub), b.signed.sig, identity.NewKey(ecc.NewDjbECPublicKey(b.identity)))
}

func (b bundle) node(jid types.JID) waBinary.Node {
	reg := make([]byte, 4)
	binary.BigEndian.PutUint32(reg, b.registration)
	children := []waBinary.Node{
		{Tag: "registration", Content: reg},
		{Tag: "type", Content: []byte{ecc.DjbType}},
		{Tag: "identity", Content: b.identity[:]},
		b.signed.node("skey"),
	}
	if b.oneTime != nil {
		children = append(children, b.oneTime.node("key"))
	}
	// The client looks its answer up by this very address.
	return waBinary.Node{Tag: "user", Attrs: waBinary.Attrs{"jid": jid}, Content: children}
}

func (k publicKey) node(tag string) waBinary.Node {
	id := make([]byte, 4)
	binary.BigEndian.PutUint32(id, k.id)
	children := []waBinary.Node{{Tag: "id", Content: id[1:]}, {Tag: "value", Content: k.pub[:]}}
	if tag == "skey" {
		children = append(children, waBinary.Node{Tag: "signature", Content: k.sig[:]})
	}
	return waBinary.Node{Tag: tag, Content: children}
}

// readKey reads a key or skey element; ok is false when it is malformed.
func readKey(n waBinary.Node) (k publicKey, ok bool) {
	id, pub := n.GetChildByTag("id"), n.GetChildByTag("value")
	rawID, _ := id.Content.([]byte)
	rawPub, _ := pub.Content.([]byte)
	if len(rawID) != 3 || len(rawPub) != 32 {
		return publicKey{}, false
	}
	k = publicKey{id: key24(rawID), pub: [32]byte(rawPub)}
	if n.Tag == "skey" {
		child := n.GetChildByTag("signature")
		sig, _ := child.Content.([]byte)
		if len(sig) != 64 {
			return publicKey{}, false
		}
		k.sig = [64]byte(sig)
	}
	return k, true
}

func key24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// readStock reads identity, signed key and one-time keys out of an upload or a
// retry request.
func readStock(n *waBinary.Node) (keyStock, bool) {
	var k keyStock
	ident := n.GetChildByTag("identity")
	raw, _ := ident.Content.([]byte)
	if len(raw) != 32 {
		return k, false
	}
	k.identity = [32]byte(raw)
	reg := n.GetChildByTag("registration")
	if raw, _ := reg.Content.([]byte); len(raw) == 4 {
		k.registration = binary.BigEndian.Uint32(raw)
	}
	var ok bool
	if k.signed, ok = readKey(n.GetChildByTag("skey")); !ok || !k.signatureValid() {
		return k, false
	}
	list := n.GetChildByTag("list")
	for _, child := range append(list.GetChildren(), n.GetChildrenByTag("key")...) {
		one, ok := readKey(child)
		if !ok {
			return k, false
		}
		k.oneTime = append(k.oneTime, one)
	}
	return k, true
}

// iqEncrypt answers the three prekey queries. All of them must be answered:
// unanswered ones hold the client's Connected event back for 75 s each.
func (s *Server) iqEncrypt(_ context.Context, c *conn, n *waBinary.Node) iqAnswer {
	if asked, ok := n.GetOptionalChildByTag("key"); ok {
		var users []waBinary.Node
		for _, u := range asked.GetChildrenByTag("user") {
			jid, _ := u.Attrs["jid"].(types.JID)
			if b, ok := s.takeBundle(jid); ok {
				users = append(users, b.node(jid))
				continue
			}
			users = append(users, waBinary.Node{Tag: "user", Attrs: waBinary.Attrs{"jid": jid}, Content: []waBinary.Node{errorNode(404)}})
		}
		return iqAnswer{content: []waBinary.Node{{Tag: "list", Content: users}}}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.device == nil {
		return iqAnswer{fail: 403}
	}
	if _, ok := n.GetOptionalChildByTag("count"); ok {
		return iqAnswer{content: []waBinary.Node{{Tag: "count", Attrs: waBinary.Attrs{"value": strconv.Itoa(len(c.device.keys.oneTime))}}}}
	}
	stock, ok := readStock(n)
	if !ok || stock.identity != c.device.keys.identity {
		return iqAnswer{fail: 400}
	}
	stock.oneTime = append(c.device.keys.oneTime, stock.oneTime...)
	c.device.keys, c.device.lowKeys = stock, false
	s.announce()
	return iqAnswer{}
}
