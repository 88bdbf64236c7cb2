package wasim

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waCert"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

// Root is what a client has to trust to talk to a [Server]: it fixes both the
// Noise root key and the TLS authority. Two servers (or one server before and
// after a restart) that share a Root look the same to a client. The zero Root
// stands for "make a new one".
type Root struct {
	// Seed is the secret from which every key of the root is derived.
	Seed [32]byte
}

// NewRoot returns a random root. A test binary makes one and gives it to all
// its servers, because whatsmeow keeps the Noise root key in one process-wide
// variable.
func NewRoot() Root {
	var r Root
	// crypto/rand.Read never returns an error.
	_, _ = rand.Read(r.Seed[:])
	return r
}

// Key returns the Noise root public key of r, the value that belongs into
// whatsmeow.WACertPubKey.
func (r Root) Key() [32]byte { return *r.noise().Pub }

func (r Root) isZero() bool { return r.Seed == [32]byte{} }

func (r Root) derive(label string) [32]byte {
	return sha256.Sum256(append([]byte("wasim "+label+"\x00"), r.Seed[:]...))
}

func (r Root) noise() *keys.KeyPair {
	priv := r.derive("noise root")
	// The usual X25519 clamping; XEdDSA signatures need it applied beforehand.
	priv[0] &= 248
	priv[31] &= 127
	priv[31] |= 64
	return keys.NewKeyPairFromPrivateKey(priv)
}

// authority returns the TLS authority. Ed25519 signatures are deterministic and
// the template holds no clock, so the same seed gives the same bytes.
func (r Root) authority() (ed25519.PrivateKey, *x509.Certificate, error) {
	seed := r.derive("tls authority")
	key := ed25519.NewKeyFromSeed(seed[:])
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "wasim stand-in authority"},
		NotBefore:             time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, fmt.Errorf("make TLS authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("parse TLS authority: %w", err)
	}
	return key, cert, nil
}

// tlsConfig returns the server side of TLS and the authority in PEM. The leaf is
// valid for the loopback names and for the names the engine dials.
func (r Root) tlsConfig(now time.Time) (*tls.Config, []byte, error) {
	caKey, ca, err := r.authority()
	if err != nil {
		return nil, nil, err
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make TLS key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "wasim"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		DNSNames:     []string{"localhost", "web.whatsapp.com", "*.whatsapp.net", "*.cdn.whatsapp.net"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, pub, caKey)
	if err != nil {
		return nil, nil, fmt.Errorf("sign TLS certificate: %w", err)
	}
	var out bytes.Buffer
	if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}); err != nil {
		return nil, nil, fmt.Errorf("encode TLS authority: %w", err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der, ca.Raw}, PrivateKey: key}},
		// A websocket upgrade needs HTTP/1.1.
		NextProtos: []string{"http/1.1"},
	}, out.Bytes(), nil
}

// certChain makes the Noise certificate chain for the given server key. The
// client demands: intermediate signed by the root with issuer serial 0, leaf
// signed by the intermediate's key with its serial as issuer serial, leaf key
// equal to the server's static key, and validity dates on both (absent ones
// count as expired): handshake.go, verifyServerCert.
func certChain(root *keys.KeyPair, static *[32]byte, now time.Time) ([]byte, error) {
	const serial = 1
	middle := keys.NewKeyPair()
	from, until := uint64(now.Add(-time.Hour).Unix()), uint64(now.AddDate(10, 0, 0).Unix())
	intermediate, err := noiseCert(root, &waCert.CertChain_NoiseCertificate_Details{
		Serial: proto.Uint32(serial), IssuerSerial: proto.Uint32(0), Key: middle.Pub[:],
		NotBefore: &from, NotAfter: &until,
	})
	if err != nil {
		return nil, err
	}
	leaf, err := noiseCert(middle, &waCert.CertChain_NoiseCertificate_Details{
		Serial: proto.Uint32(serial + 1), IssuerSerial: proto.Uint32(serial), Key: static[:],
		NotBefore: &from, NotAfter: &until,
	})
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&waCert.CertChain{Intermediate: intermediate, Leaf: leaf})
}

func noiseCert(issuer *keys.KeyPair, details *waCert.CertChain_NoiseCertificate_Details) (*waCert.CertChain_NoiseCertificate, error) {
	raw, err := proto.Marshal(details)
	if err != nil {
		return nil, fmt.Errorf("encode noise certificate: %w", err)
	}
	sig := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(*issuer.Priv), raw)
	return &waCert.CertChain_NoiseCertificate{Details: raw, Signature: sig[:]}, nil
}
