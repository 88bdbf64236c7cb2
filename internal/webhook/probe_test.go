package webhook_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"pombal/internal/problem"
	"pombal/internal/safehttp"
	"pombal/internal/webhook"
)

func TestProbeSaysWhatItFound(t *testing.T) {
	t.Parallel()
	srv, client := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("something was sent") })
	desk := webhook.NewService(webhook.ServiceDeps{Store: &shelf{}, CheckURL: client.Check, Probe: client.Probe})
	found, err := desk.Probe(t.Context(), " "+srv.URL+"/hook ", false)
	if err != nil || found.Failure != "" || found.Address != strings.TrimPrefix(srv.URL, "http://") {
		t.Errorf("%+v, %v", found, err)
	}
	for raw, want := range map[string]string{
		"":                        "error.url_scheme",
		"ftp://example.com":       "error.url_scheme",
		"http://169.254.169.254/": "error.url_refused_link_local",
		"http://127.0.0.1:1/":     "error.url_refused_loopback",
	} {
		_, err := desk.Probe(t.Context(), raw, false)
		p := problem.As(err)
		if p == nil || len(p.Fields) != 1 || p.Fields[0].Name != "url" || p.Fields[0].Text.Key != want {
			t.Errorf("%q: %v, want %s", raw, err, want)
		}
	}
}

func TestProbeThatIsRefusedOrMissing(t *testing.T) {
	t.Parallel()
	for want, cause := range map[webhook.Failure]error{
		// The name leads elsewhere by now, or nowhere.
		"refused_private": &safehttp.Refused{Class: safehttp.ClassPrivate, Addr: netip.MustParseAddr("10.0.0.1")},
		webhook.FailureDNS: &net.OpError{
			Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "a.example", IsNotFound: true},
		},
	} {
		desk := webhook.NewService(webhook.ServiceDeps{
			Store: &shelf{}, CheckURL: func(context.Context, string) error { return nil },
			Probe: func(context.Context, string, safehttp.Options) (safehttp.Result, error) {
				return safehttp.Result{}, cause
			},
		})
		if found, err := desk.Probe(t.Context(), "http://a.example", false); err != nil || found.Failure != want {
			t.Errorf("%s: %+v, %v", want, found, err)
		}
	}
	if _, err := newDesk().Probe(t.Context(), "http://a.example", false); problem.KindOf(err) != problem.Unavailable {
		t.Errorf("without a way to look: %v", err)
	}
}
