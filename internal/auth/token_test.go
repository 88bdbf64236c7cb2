package auth_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pombal/internal/auth"
)

func claims() auth.InstanceClaims {
	return auth.InstanceClaims{InstanceID: "inst-1", TokenID: "tok-1", IssuedAt: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
}

func TestInstanceToken(t *testing.T) {
	t.Parallel()
	d := newDesk()
	text, err := d.InstanceToken(t.Context(), claims())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.restart().InstanceToken(t.Context(), claims()); err != nil || again != text {
		t.Errorf("equal claims gave another text: %q, %v", again, err)
	}
	got, err := d.ParseInstanceToken(t.Context(), text)
	if err != nil || got != claims() {
		t.Errorf("got %+v, %v; want %+v", got, err, claims())
	}
	header, payload, _ := strings.Cut(text, ".")
	payload, _, _ = strings.Cut(payload, ".")
	if raw, _ := base64.RawURLEncoding.DecodeString(header); string(raw) != `{"alg":"HS256","typ":"JWT"}` {
		t.Errorf("header %s", raw)
	}
	if raw, _ := base64.RawURLEncoding.DecodeString(payload); string(raw) != `{"jti":"tok-1","sub":"inst-1","iss":"pombal","aud":"codechat","iat":1772445600}` {
		t.Errorf("payload %s", raw)
	}
	if strings.Contains(string(d.vault.dump(t)), text) {
		t.Error("the token lies in the file")
	}
	if other, _ := newDesk().InstanceToken(t.Context(), claims()); other == text {
		t.Error("two files sign with the same secret")
	}
	for _, c := range []auth.InstanceClaims{{InstanceID: "i"}, {TokenID: "t"}, {}} {
		if text, err := d.InstanceToken(t.Context(), c); err == nil {
			t.Errorf("%+v: got %q, want an error", c, text)
		}
	}
}

// forger makes tokens of all sorts.
type forger struct {
	secret []byte
	now    time.Time
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (f forger) sign(header, payload string, key []byte) string {
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + b64(mac.Sum(nil))
}

// sameBytes changes a bit of the last character that decodes to nothing.
func sameBytes(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

const goodHeader = `{"alg":"HS256","typ":"JWT"}`

// payload is the claims of a good token with some of them set or, with nil,
// left out.
func (f forger) payload(changes map[string]any) string {
	c := map[string]any{"jti": "tok-1", "sub": "inst-1", "iss": "pombal", "aud": "codechat", "iat": 1772445600}
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	raw, _ := json.Marshal(c)
	return string(raw)
}

func (f forger) forged(t *testing.T, good string) map[string]string {
	t.Helper()
	p := f.payload(nil)
	parts := strings.Split(good, ".")
	with := func(changes map[string]any) string { return f.sign(goodHeader, f.payload(changes), f.secret) }
	head := func(header string) string { return f.sign(header, p, f.secret) }
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs := b64([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + b64([]byte(p))
	digest := sha256.Sum256([]byte(rs))
	rsSig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	hs512 := b64([]byte(`{"alg":"HS512","typ":"JWT"}`)) + "." + b64([]byte(p))
	mac512 := hmac.New(sha512.New, f.secret)
	mac512.Write([]byte(hs512))
	return map[string]string{
		"empty":                      "",
		"one part":                   parts[0],
		"two parts":                  parts[0] + "." + parts[1],
		"four parts":                 good + ".x",
		"only dots":                  "..",
		"no signature":               parts[0] + "." + parts[1] + ".",
		"signature cut":              good[:len(good)-4],
		"signature padded":           good + "=",
		"signature with more":        good + "AAAA",
		"line break":                 good + "\n",
		"space before":               " " + good,
		"signature of another":       parts[0] + "." + b64([]byte(f.payload(map[string]any{"sub": "inst-2"}))) + "." + parts[2],
		"last bit of the signature":  sameBytes(good),
		"standard base64":            strings.NewReplacer("-", "+", "_", "/").Replace(f.sign(goodHeader, f.payload(map[string]any{"x": "???>>>~~~"}), f.secret)) + "==",
		"another secret":             f.sign(goodHeader, p, bytes.Repeat([]byte{7}, 32)),
		"empty secret":               f.sign(goodHeader, p, nil),
		"known secret":               f.sign(goodHeader, p, []byte("secret")),
		"none":                       b64([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + b64([]byte(p)) + ".",
		"None":                       b64([]byte(`{"alg":"None"}`)) + "." + b64([]byte(p)) + ".",
		"NONE, signed":               head(`{"alg":"NONE","typ":"JWT"}`),
		"none, signed":               head(`{"alg":"none","typ":"JWT"}`),
		"no algorithm":               head(`{"typ":"JWT"}`),
		"empty algorithm":            head(`{"alg":"","typ":"JWT"}`),
		"algorithm is null":          head(`{"alg":null,"typ":"JWT"}`),
		"algorithm is a number":      head(`{"alg":256,"typ":"JWT"}`),
		"algorithm is a list":        head(`{"alg":["HS256"],"typ":"JWT"}`),
		"hs256":                      head(`{"alg":"hs256","typ":"JWT"}`),
		"HS384 by name":              head(`{"alg":"HS384","typ":"JWT"}`),
		"HS512 by name":              head(`{"alg":"HS512","typ":"JWT"}`),
		"HS512 for real":             hs512 + "." + b64(mac512.Sum(nil)),
		"RS256 by name":              head(`{"alg":"RS256","typ":"JWT"}`),
		"RS256 for real":             rs + "." + b64(rsSig),
		"ES256 by name":              head(`{"alg":"ES256","typ":"JWT"}`),
		"PS256 by name":              head(`{"alg":"PS256","typ":"JWT"}`),
		"EdDSA by name":              head(`{"alg":"EdDSA","typ":"JWT"}`),
		"header is no JSON":          head(`x`),
		"header is a list":           head(`[]`),
		"header is empty":            head(``),
		"critical extension":         head(`{"alg":"HS256","crit":["b64"],"b64":false}`),
		"key in the header":          f.sign(`{"alg":"HS256","jwk":{"kty":"oct","k":"c2VjcmV0"}}`, p, []byte("secret")),
		"key by name":                f.sign(`{"alg":"HS256","kid":"../../dev/null"}`, p, nil),
		"key by address":             f.sign(`{"alg":"HS256","jku":"http://127.0.0.1/k"}`, p, []byte("secret")),
		"certificate in the header":  f.sign(`{"alg":"HS256","x5c":["AAAA"]}`, p, []byte("AAAA")),
		"payload is no JSON":         f.sign(goodHeader, "x", f.secret),
		"payload is a list":          f.sign(goodHeader, "[]", f.secret),
		"payload is null":            f.sign(goodHeader, "null", f.secret),
		"no instance":                with(map[string]any{"sub": nil}),
		"empty instance":             with(map[string]any{"sub": ""}),
		"instance is a number":       with(map[string]any{"sub": 1}),
		"no token id":                with(map[string]any{"jti": nil}),
		"empty token id":             with(map[string]any{"jti": ""}),
		"no issuer":                  with(map[string]any{"iss": nil}),
		"another issuer":             with(map[string]any{"iss": "codechat"}),
		"issuer in capitals":         with(map[string]any{"iss": "Pombal"}),
		"no audience":                with(map[string]any{"aud": nil}),
		"another audience":           with(map[string]any{"aud": "insprl"}),
		"empty audience":             with(map[string]any{"aud": ""}),
		"several audiences":          with(map[string]any{"aud": []string{"codechat", "x"}}),
		"over":                       with(map[string]any{"exp": f.now.Unix()}),
		"over since long":            with(map[string]any{"exp": 1}),
		"over, negative":             with(map[string]any{"exp": -1}),
		"end is a text":              with(map[string]any{"exp": "never"}),
		"not yet":                    with(map[string]any{"nbf": f.now.Unix() + 60}),
		"beginning is a text":        with(map[string]any{"nbf": "now"}),
		"very long":                  with(map[string]any{"x": strings.Repeat("x", 4000)}),
		"issued at a text":           with(map[string]any{"iat": "now"}),
		"encrypted (five parts)":     good + "." + parts[0] + "." + parts[1],
		"Bearer before it":           "Bearer " + good,
		"two algorithms, last wins":  head(`{"alg":"HS256","alg":"none"}`),
		"audience by another letter": with(map[string]any{"aud": nil, "aud2": "codechat"}),
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk()
	good, err := d.InstanceToken(t.Context(), claims())
	if err != nil {
		t.Fatal(err)
	}
	secret, err := d.vault.Secret(t.Context(), "jwt")
	if err != nil {
		t.Fatal(err)
	}
	f := forger{secret, d.clock.now()}
	for name, text := range f.forged(t, good) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := d.ParseInstanceToken(t.Context(), text)
			if !errors.Is(err, auth.ErrUnauthorized) || got != (auth.InstanceClaims{}) {
				t.Errorf("got %+v, %v; want ErrUnauthorized", got, err)
			}
		})
	}
}

func TestTokensWithMoreThanOursAreRead(t *testing.T) {
	t.Parallel()
	d := newDesk()
	secret, err := d.vault.Secret(t.Context(), "jwt")
	if err != nil {
		t.Fatal(err)
	}
	f := forger{secret, d.clock.now()}
	for name, text := range map[string]string{
		"as ours":              f.sign(goodHeader, f.payload(nil), secret),
		"key id is not looked": f.sign(`{"alg":"HS256","kid":"other","jku":"http://x","typ":"JWT"}`, f.payload(nil), secret),
		"not over":             f.sign(goodHeader, f.payload(map[string]any{"exp": f.now.Unix() + 1}), secret),
		"just begun":           f.sign(goodHeader, f.payload(map[string]any{"nbf": f.now.Unix()}), secret),
		"more claims":          f.sign(goodHeader, f.payload(map[string]any{"name": "x"}), secret),
	} {
		if got, err := d.ParseInstanceToken(t.Context(), text); err != nil || got != claims() {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	future := claims()
	future.IssuedAt = d.clock.now().Add(365 * 24 * time.Hour)
	text, _ := d.InstanceToken(t.Context(), future)
	if got, err := d.ParseInstanceToken(t.Context(), text); err != nil || got != future {
		t.Errorf("issued before the clock was set back: got %+v, %v", got, err)
	}
}

func FuzzParseInstanceToken(f *testing.F) {
	d := newDesk()
	good, err := d.InstanceToken(f.Context(), claims())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := d.ParseInstanceToken(t.Context(), text); err == nil && text != good {
			t.Errorf("%q: got %+v", text, got)
		}
	})
}

func TestGlobalKey(t *testing.T) {
	t.Parallel()
	d := newDesk(func(deps *auth.Deps) { deps.GlobalKey = "k-123456" })
	for key, want := range map[string]bool{"k-123456": true, "": false, "k-12345": false, "k-1234567": false, "K-123456": false} {
		if got := d.IsGlobalKey(key); got != want {
			t.Errorf("%q: got %v, want %v", key, got, want)
		}
	}
	for _, key := range []string{"", "x"} {
		if newDesk().IsGlobalKey(key) {
			t.Errorf("%q opens where there is no global key", key)
		}
	}
}

func TestInSPRLKeys(t *testing.T) {
	t.Parallel()
	d := newDesk()
	key, k, err := d.CreateInSPRLKey(t.Context(), "i1", " crm ")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(key, "pik_") || len(key) != 4+43 || !strings.HasPrefix(k.ClientID, "cl_") || len(k.ClientID) < 15 ||
		k.Name != "crm" || k.InstanceID != "i1" || k.Kind != auth.KeyInSPRL || !strings.HasPrefix(key, k.Prefix) || len(k.Prefix) > 12 {
		t.Errorf("key %q, %+v", key, k)
	}
	sum := sha256.Sum256([]byte(key))
	if k.Hash != fmt.Sprintf("%x", sum) || strings.Contains(string(d.vault.dump(t)), key[12:]) {
		t.Error("the key is not stored as its SHA-256")
	}
	if got, err := d.InSPRLKey(t.Context(), key, k.ClientID); err != nil || got.ID != k.ID || got.InstanceID != "i1" {
		t.Errorf("got %+v, %v", got, err)
	}
	otherKey, other, err := d.CreateInSPRLKey(t.Context(), "i2", "crm")
	if err != nil || otherKey == key || other.ClientID == k.ClientID {
		t.Fatalf("second key: %v", err)
	}
	for name, try := range map[string][2]string{
		"nothing": {"", ""}, "no client": {key, ""}, "no key": {"", k.ClientID}, "client of another": {key, other.ClientID},
		"key of another": {otherKey, k.ClientID}, "hash": {k.Hash, k.ClientID}, "prefix": {k.Prefix, k.ClientID},
		"capitals": {strings.ToUpper(key), k.ClientID}, "more": {key + "x", k.ClientID}, "more client": {key, k.ClientID + "x"},
	} {
		if got, err := d.InSPRLKey(t.Context(), try[0], try[1]); !errors.Is(err, auth.ErrUnauthorized) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "  ", strings.Repeat("x", 65), "a\x00b", "a\xff"} {
		if _, _, err := d.CreateInSPRLKey(t.Context(), "i1", name); faults(t, err)["name"] != "error.key_name" {
			t.Errorf("name %q: got %v", name, err)
		}
	}
}

func TestRevokedKeysAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk()
	key, k, err := d.CreateInSPRLKey(t.Context(), "i1", "crm")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.RevokeAPIKey(t.Context(), "i2", k.ID); !errors.Is(err, auth.ErrNoSuch) {
		t.Errorf("through another instance: got %v", err)
	}
	if list, err := d.APIKeys(t.Context(), "i1"); err != nil || len(list) != 1 {
		t.Errorf("got %v, %v", list, err)
	}
	if err := d.RevokeAPIKey(t.Context(), "i1", k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.InSPRLKey(t.Context(), key, k.ClientID); !errors.Is(err, auth.ErrUnauthorized) {
		t.Errorf("got %v, want ErrUnauthorized", err)
	}
	if err := d.RevokeAPIKey(t.Context(), "i1", k.ID); !errors.Is(err, auth.ErrNoSuch) {
		t.Errorf("a second time: got %v", err)
	}
}
