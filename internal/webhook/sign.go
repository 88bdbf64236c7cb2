package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

const secretPrefix = "whsec_"

// tolerance is how far the time of a signature may be from ours.
const tolerance = 5 * time.Minute

var errSecret = errors.New("webhook secret is not whsec_ and base64")

// Sign gives the webhook-signature of one attempt by Standard Webhooks 1.0:
// "v1," and the base64 of the HMAC-SHA256 of id, the Unix time of at and body,
// joined by dots. The key is what the secret holds in base64.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	encoded, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok {
		return "", errSecret
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 {
		return "", errSecret
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// signAll signs with each secret; receivers take the call for genuine when one
// of the signatures is.
func signAll(secrets []string, id string, at time.Time, body []byte) (string, error) {
	signatures := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		s, err := Sign(secret, id, at, body)
		if err != nil {
			return "", err
		}
		signatures = append(signatures, s)
	}
	return strings.Join(signatures, " "), nil
}

// genuine says whether one of the signatures of a call is by the secret.
func genuine(secret, id string, at time.Time, body []byte, signatures string) bool {
	want, err := Sign(secret, id, at, body)
	if err != nil {
		return false
	}
	for given := range strings.FieldsSeq(signatures) {
		if hmac.Equal([]byte(given), []byte(want)) {
			return true
		}
	}
	return false
}
