package safehttp_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"pombal/internal/safehttp"
)

// The one path inside is reached in this process by every name of this program,
// and no other path of it is.
func TestInside(t *testing.T) {
	t.Parallel()
	taken := 0
	client := safehttp.New(safehttp.Policy{
		Own: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:8080")},
		Inside: safehttp.Inside{
			Prefix: "/catch/", Hosts: []string{"wa.example"},
			Handle: func(_ context.Context, req *http.Request, body []byte) (int, string) {
				taken++
				return http.StatusOK, req.URL.Path + " " + string(body)
			},
		},
	})
	t.Cleanup(client.Close)
	for raw, want := range map[string]bool{
		"http://127.0.0.1:8080/catch/i/s":          true,
		"http://localhost:8080/catch/i/s":          true,
		"http://[::1]:8080/catch/i/s":              true,
		"http://[::ffff:127.0.0.1]:8080/catch/i/s": true,
		"https://wa.example/catch/i/s":             true,
		"https://WA.example/catch/i/s":             true,
		"http://127.0.0.1:8080/catch":              false,
		"http://127.0.0.1:8080/catchers/i":         false,
		"http://127.0.0.1:8080/instances":          false,
		"http://127.0.0.1:8081/catch/i/s":          false,
		"http://localhost:8080/":                   false,
		"http://u:p@127.0.0.1:8080/catch/i/s":      false,
	} {
		before := taken
		req, err := http.NewRequest(http.MethodPost, raw, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Call(t.Context(), req, safehttp.Options{})
		if got := taken > before; got != want {
			t.Errorf("%s: taken %v, want %v", raw, got, want)
		}
		if want && (err != nil || string(res.Head) != "/catch/i/s body" || res.Address != safehttp.InsideAddress) {
			t.Errorf("%s: %q, %v", raw, res.Head, err)
		}
		if errCheck := client.Check(t.Context(), raw); (errCheck == nil) != want {
			t.Errorf("%s: the check says %v", raw, errCheck)
		}
		if _, refused := errors.AsType[*safehttp.Refused](err); !want && !refused && err == nil {
			t.Errorf("%s: a call went out", raw)
		}
	}
}
