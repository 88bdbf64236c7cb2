package whatsapp

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
)

// Endpoint is a stand-in for WhatsApp's servers. All traffic goes there.
type Endpoint struct {
	URL     *url.URL       // https or wss, loopback
	CA      *x509.CertPool // its TLS authority
	RootKey [32]byte       // its Noise root key
}

// NewEndpoint describes the stand-in at address, whose TLS authority is given
// as PEM. It fails where one of the two cannot be read.
func NewEndpoint(address string, ca []byte, rootKey [32]byte) (*Endpoint, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("address of the WhatsApp endpoint: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("the authority of the WhatsApp endpoint holds no PEM certificate")
	}
	return &Endpoint{URL: target, CA: pool, RootKey: rootKey}, nil
}
