package wasim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/types"
)

const (
	// passkeyParty is the relying party of the passkeys. The real one too belongs to
	// the service, so a page of ours could never ask a browser for an answer.
	passkeyParty  = "whatsapp.com"
	passkeyOrigin = "https://web.whatsapp.com"
	passkeyLimit  = 10 * 60 * 1000 // ms
)

// ErrNotForPasskey says that a request names another passkey than the phone's.
var ErrNotForPasskey = errors.New("the request is not for this phone's passkey")

// clientData is what a browser signs besides the authenticator data.
type clientData struct {
	Type        string `json:"type"`
	Challenge   string `json:"challenge"`
	Origin      string `json:"origin"`
	CrossOrigin bool   `json:"crossOrigin"`
}

func (p *Phone) makePasskey() error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.passkey != nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make passkey: %w", err)
	}
	id := sha256.Sum256([]byte("wasim passkey " + p.number))
	p.passkey = &passkey{id: id[:16], key: key}
	return nil
}

// request writes the options of a request.
func (k *passkey) request(challenge []byte) ([]byte, error) {
	out, err := json.Marshal(types.WebAuthnPublicKey{
		Challenge: challenge, Timeout: passkeyLimit, RelyingPartID: passkeyParty, UserVerification: "required",
		AllowCredentials: []types.AllowedCredential{{ID: k.id, Type: "public-key", Transports: []string{"hybrid", "internal"}}},
		Extensions:       map[string]any{},
	})
	if err != nil {
		return nil, fmt.Errorf("encode passkey request: %w", err)
	}
	return out, nil
}

// PasskeyAnswer answers a passkey request as the phone's authenticator and
// WhatsApp's own page together would: requestJSON is the request as the client
// reports it (PublicKey of its event), bare or below "publicKey". The result is
// valid for that request only. The error is [ErrNotForPasskey] when the request
// names other credentials.
func (p *Phone) PasskeyAnswer(requestJSON []byte) ([]byte, error) {
	if err := p.makePasskey(); err != nil {
		return nil, err
	}
	var in struct {
		types.WebAuthnPublicKey
		Wrapped *types.WebAuthnPublicKey `json:"publicKey"`
	}
	if err := json.Unmarshal(requestJSON, &in); err != nil {
		return nil, fmt.Errorf("read passkey request: %w", err)
	}
	request := in.WebAuthnPublicKey
	if in.Wrapped != nil {
		request = *in.Wrapped
	}
	p.s.mu.Lock()
	k := *p.passkey
	p.s.mu.Unlock()
	known := false
	for _, c := range request.AllowCredentials {
		known = known || string(c.ID) == string(k.id)
	}
	if !known || request.RelyingPartID != passkeyParty {
		return nil, ErrNotForPasskey
	}
	return k.answer(request.Challenge)
}

func (k *passkey) answer(challenge []byte) ([]byte, error) {
	data, err := json.Marshal(clientData{
		Type: "webauthn.get", Challenge: base64.RawURLEncoding.EncodeToString(challenge), Origin: passkeyOrigin,
	})
	if err != nil {
		return nil, fmt.Errorf("encode client data: %w", err)
	}
	party := sha256.Sum256([]byte(passkeyParty))
	auth := append(party[:], 1|4) // somebody was there and has been verified
	auth = binary.BigEndian.AppendUint32(auth, 1)
	dataHash := sha256.Sum256(data)
	sum := sha256.Sum256(join(auth, dataHash[:]))
	sig, err := ecdsa.SignASN1(rand.Reader, k.key, sum[:])
	if err != nil {
		return nil, fmt.Errorf("sign passkey answer: %w", err)
	}
	out, err := json.Marshal(types.WebAuthnResponse{
		ID: base64.RawURLEncoding.EncodeToString(k.id), RawID: k.id, Type: "public-key",
		Response: types.WebAuthnResponseData{ClientDataJSON: data, AuthenticatorData: auth, Signature: sig},
	})
	if err != nil {
		return nil, fmt.Errorf("encode passkey answer: %w", err)
	}
	return out, nil
}

// check verifies an answer the way a relying party does.
func (k *passkey) check(challenge, credential, assertion []byte) error {
	var in types.WebAuthnResponse
	if err := json.Unmarshal(assertion, &in); err != nil {
		return fmt.Errorf("assertion: %w", err)
	}
	if string(credential) != string(k.id) || string(in.RawID) != string(k.id) || in.ID != base64.RawURLEncoding.EncodeToString(k.id) || in.Type != "public-key" {
		return errors.New("assertion: another credential")
	}
	var data clientData
	if err := json.Unmarshal(in.Response.ClientDataJSON, &data); err != nil {
		return fmt.Errorf("client data: %w", err)
	}
	if data.Type != "webauthn.get" || data.Origin != passkeyOrigin || data.Challenge != base64.RawURLEncoding.EncodeToString(challenge) {
		return errors.New("client data: another challenge, type or origin")
	}
	auth, party := in.Response.AuthenticatorData, sha256.Sum256([]byte(passkeyParty))
	if len(auth) < 37 || string(auth[:32]) != string(party[:]) || auth[32]&1 == 0 {
		return errors.New("authenticator data: another party, or nobody was there")
	}
	dataHash := sha256.Sum256(in.Response.ClientDataJSON)
	sum := sha256.Sum256(join(auth, dataHash[:]))
	if !ecdsa.VerifyASN1(&k.key.PublicKey, sum[:], in.Response.Signature) {
		return errors.New("the signature is wrong")
	}
	return nil
}
