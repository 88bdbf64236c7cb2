package wasim

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

// The server half of Noise_XX_25519_AESGCM_SHA256, written from the Noise
// specification rather than on top of whatsmeow's socket package, so that a
// mistake there is not made twice.

// noisePattern is padded with four NULs to 32 bytes, so it is the initial hash,
// chaining key and cipher key as it stands.
const noisePattern = "Noise_XX_25519_AESGCM_SHA256\x00\x00\x00\x00"

// errNoise is returned when a client's handshake cannot be followed.
var errNoise = errors.New("noise handshake")

// sealer is one direction of an AES-GCM channel with a counting nonce.
type sealer struct {
	aead cipher.AEAD
	n    uint32
}

func newSealer(key []byte) (*sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead: aead}, nil
}

func (k *sealer) nonce() []byte {
	out := make([]byte, 12)
	binary.BigEndian.PutUint32(out[8:], k.n)
	k.n++
	return out
}

func (k *sealer) seal(plain, ad []byte) []byte { return k.aead.Seal(nil, k.nonce(), plain, ad) }

func (k *sealer) open(box, ad []byte) ([]byte, error) { return k.aead.Open(nil, k.nonce(), box, ad) }

// symmetric is the symmetric state of the handshake.
type symmetric struct {
	hash, chain []byte
	key         *sealer
}

func newSymmetric(prologue []byte) (*symmetric, error) {
	start := []byte(noisePattern)
	key, err := newSealer(start)
	if err != nil {
		return nil, err
	}
	y := &symmetric{hash: start, chain: start, key: key}
	y.mixHash(prologue)
	return y, nil
}

func (y *symmetric) mixHash(data []byte) {
	h := sha256.New()
	h.Write(y.hash)
	h.Write(data)
	y.hash = h.Sum(nil)
}

func (y *symmetric) mixKey(priv, pub []byte) error {
	secret, err := dh(priv, pub)
	if err != nil {
		return err
	}
	first, second, err := y.split(secret)
	if err != nil {
		return err
	}
	y.chain = first
	y.key, err = newSealer(second)
	return err
}

func (y *symmetric) split(secret []byte) (first, second []byte, err error) {
	out, err := hkdf.Key(sha256.New, secret, y.chain, "", 64)
	if err != nil {
		return nil, nil, err
	}
	return out[:32], out[32:], nil
}

func (y *symmetric) seal(plain []byte) []byte {
	box := y.key.seal(plain, y.hash)
	y.mixHash(box)
	return box
}

func (y *symmetric) open(box []byte) ([]byte, error) {
	plain, err := y.key.open(box, y.hash)
	if err != nil {
		return nil, err
	}
	y.mixHash(box)
	return plain, nil
}

func dh(priv, pub []byte) ([]byte, error) {
	key, err := ecdh.X25519().NewPrivateKey(priv)
	if err != nil {
		return nil, err
	}
	peer, err := ecdh.X25519().NewPublicKey(pub)
	if err != nil {
		return nil, err
	}
	return key.ECDH(peer)
}

// handshakeResult is what a handshake tells about the client.
type handshakeResult struct {
	static     [32]byte             // the client's Noise public key
	payload    *waWa6.ClientPayload // registration or login
	send, recv *sealer              // transport keys, server's view
}

// handshake plays the responder. before, when set, is called between the
// client's hello and the answer; an error from it ends the handshake.
func (s *Server) handshake(ctx context.Context, f *frames, before func() error) (*handshakeResult, error) {
	raw, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	var hello waWa6.HandshakeMessage
	if err := proto.Unmarshal(raw, &hello); err != nil {
		return nil, fmt.Errorf("%w: hello: %w", errNoise, err)
	}
	theirs := hello.GetClientHello().GetEphemeral()
	y, err := newSymmetric(f.header)
	if err != nil {
		return nil, err
	}
	y.mixHash(theirs)
	if before != nil {
		if err := before(); err != nil {
			return nil, err
		}
	}
	ours := keys.NewKeyPair()
	answer, err := s.serverHello(y, ours, theirs)
	if err != nil {
		return nil, fmt.Errorf("%w: answer: %w", errNoise, err)
	}
	if err := f.write(ctx, answer); err != nil {
		return nil, err
	}
	if raw, err = f.read(ctx); err != nil {
		return nil, err
	}
	return clientFinish(y, ours, raw)
}

func (s *Server) serverHello(y *symmetric, ours *keys.KeyPair, theirs []byte) ([]byte, error) {
	y.mixHash(ours.Pub[:])
	if err := y.mixKey(ours.Priv[:], theirs); err != nil {
		return nil, err
	}
	static := y.seal(s.static.Pub[:])
	if err := y.mixKey(s.static.Priv[:], theirs); err != nil {
		return nil, err
	}
	return proto.Marshal(&waWa6.HandshakeMessage{ServerHello: &waWa6.HandshakeMessage_ServerHello{
		Ephemeral: ours.Pub[:], Static: static, Payload: y.seal(s.chain),
	}})
}

func clientFinish(y *symmetric, ours *keys.KeyPair, raw []byte) (*handshakeResult, error) {
	var msg waWa6.HandshakeMessage
	if err := proto.Unmarshal(raw, &msg); err != nil {
		return nil, fmt.Errorf("%w: finish: %w", errNoise, err)
	}
	static, err := y.open(msg.GetClientFinish().GetStatic())
	if err != nil || len(static) != 32 {
		return nil, fmt.Errorf("%w: client key: %w", errNoise, err)
	}
	if err := y.mixKey(ours.Priv[:], static); err != nil {
		return nil, fmt.Errorf("%w: mix client key: %w", errNoise, err)
	}
	plain, err := y.open(msg.GetClientFinish().GetPayload())
	if err != nil {
		return nil, fmt.Errorf("%w: payload: %w", errNoise, err)
	}
	res := &handshakeResult{static: [32]byte(static), payload: &waWa6.ClientPayload{}}
	if err := proto.Unmarshal(plain, res.payload); err != nil {
		return nil, fmt.Errorf("%w: payload: %w", errNoise, err)
	}
	// First half of the last split is client to server, second half the answer.
	up, down, err := y.split(nil)
	if err != nil {
		return nil, err
	}
	if res.recv, err = newSealer(up); err != nil {
		return nil, err
	}
	res.send, err = newSealer(down)
	return res, err
}
