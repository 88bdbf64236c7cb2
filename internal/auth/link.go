package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

// LinkLimit is how long a pairing link is good.
const LinkLimit = 10 * time.Minute

// LinkClaims are what a pairing link says: which instance its holder may link,
// until when, and which link that instance had when it was made. Once the
// instance is linked, LinkedAt is another one and the link is spent.
type LinkClaims struct {
	InstanceID string
	LinkedAt   time.Time // of the account that was linked last; zero: none ever
	ExpiresAt  time.Time
}

// linkSecret is the name of the secret that signs pairing links.
const linkSecret = "pairing-link"

// linkHead is how many bytes stand before the instance's id: two times.
const linkHead = 16

// PairingLink makes the text of a pairing link. Nothing of it is stored.
func (s *Service) PairingLink(ctx context.Context, c LinkClaims) (string, error) {
	raw := make([]byte, linkHead, linkHead+len(c.InstanceID)+sha256.Size)
	binary.BigEndian.PutUint64(raw, uint64(c.ExpiresAt.Unix()))
	binary.BigEndian.PutUint64(raw[8:], uint64(linkStamp(c.LinkedAt)))
	raw = append(raw, c.InstanceID...)
	mac, err := s.linkMAC(ctx, raw)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(raw, mac...)), nil
}

// ParsePairingLink reads what PairingLink wrote; ErrNoSuch when it is not ours
// or its time is over.
func (s *Service) ParsePairingLink(ctx context.Context, text string) (LinkClaims, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) <= linkHead+sha256.Size || len(raw) > 256 {
		return LinkClaims{}, ErrNoSuch
	}
	body, mac := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	want, err := s.linkMAC(ctx, body)
	if err != nil {
		return LinkClaims{}, err
	}
	c := LinkClaims{
		InstanceID: string(body[linkHead:]),
		ExpiresAt:  time.Unix(int64(binary.BigEndian.Uint64(body)), 0).UTC(),
	}
	if at := int64(binary.BigEndian.Uint64(body[8:])); at != 0 {
		c.LinkedAt = time.Unix(at, 0).UTC()
	}
	if !hmac.Equal(mac, want) || !s.wall().Before(c.ExpiresAt) {
		return LinkClaims{}, ErrNoSuch
	}
	return c, nil
}

// SameLink says whether an instance whose account was linked at that time is
// still as it was when the pairing link was made.
func (c LinkClaims) SameLink(at time.Time) bool { return linkStamp(c.LinkedAt) == linkStamp(at) }

func linkStamp(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}

func (s *Service) linkMAC(ctx context.Context, body []byte) ([]byte, error) {
	secret, err := s.store.Secret(ctx, linkSecret)
	if err != nil {
		return nil, fmt.Errorf("pairing link: %w", err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return mac.Sum(nil), nil
}
