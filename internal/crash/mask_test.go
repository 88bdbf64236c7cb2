package crash_test

import (
	"strings"
	"testing"

	"pombal/internal/crash"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for text, hidden := range map[string]string{
		"panic: bad token eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiIwMTlh.Zm9vYmFy": "eyJ",
		"Authorization: Bearer abcdef123456":                                              "abcdef",
		`{"password":"correct horse"}`:                                                    "correct",
		"apikey=canary-0123456789&x=1":                                                    "canary",
		"dial http://ana:canary@10.0.0.1:3128: refused":                                   "canary",
		"message from 5511987650001:12@s.whatsapp.net":                                    "55119876500",
		"call to +5511987650001":                                                          "55119876500",
		"code 2@q1W2e3R4t5Y6u7I8o9P0q1W2e3R4t5Y6u7I8o9P0==,x":                             "q1W2e3",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw":                                          "MfKQ",
		"client key pk_ab12cd34":                                                          "ab12",
		"proxyPassword: hunter2":                                                          "hunter2",
		"POMBAL_API_KEY=canary-of-the-house":                                              "canary",
	} {
		if got := crash.Mask(text); strings.Contains(got, hidden) {
			t.Errorf("%q became %q", text, got)
		}
	}
	trace := "panic: runtime error: index out of range [3] with length 2\n\ngoroutine 4711 [running]:\n" +
		"go.mau.fi/whatsmeow.(*Client).handleEncryptedMessageFromCompanionDevice(0xc0001a2b00, 0x7f3a11223344)\n" +
		"\tgo.mau.fi/whatsmeow@v0.0.0-20260821120000-0123456789ab/message.go:1234 +0x1f3\n" +
		"created by pombal/internal/whatsapp.(*session).Connect in goroutine 12\n"
	if got := crash.Mask(trace); got != trace {
		t.Errorf("a trace lost something:\n%s", got)
	}
}
