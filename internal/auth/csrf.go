package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// CSRFToken gives a token for the forms of a session. Each call masks it anew,
// so that a compressed page does not give it away (BREACH).
func CSRFToken(s Session) string {
	token := csrfValue(s)
	mask := make([]byte, len(token))
	// Since Go 1.24 this cannot fail: without randomness the program ends.
	_, _ = rand.Read(mask)
	masked := append(mask, make([]byte, len(token))...)
	subtle.XORBytes(masked[len(token):], mask[:len(token)], token)
	return base64.RawURLEncoding.EncodeToString(masked)
}

// CheckCSRF says whether token was made by CSRFToken for this session.
func CheckCSRF(s Session, token string) bool {
	// The length is asked for because base64 skips line breaks.
	if len(token) != base64.RawURLEncoding.EncodedLen(2*sha256.Size) || len(s.CSRFKey) == 0 {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 2*sha256.Size {
		return false
	}
	got := make([]byte, sha256.Size)
	subtle.XORBytes(got, raw[:sha256.Size], raw[sha256.Size:])
	return hmac.Equal(got, csrfValue(s))
}

func csrfValue(s Session) []byte {
	mac := hmac.New(sha256.New, s.CSRFKey)
	mac.Write([]byte("csrf"))
	return mac.Sum(nil)
}
