package safehttp_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"pombal/internal/safehttp"
)

// An administrator may save addresses of the local network; the holder of a
// token may not, unless they were allowed.
func TestCheckFromOutside(t *testing.T) {
	t.Parallel()
	client := safehttp.New(safehttp.Policy{
		AllowPrefixes: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, AllowHostPorts: []string{"192.168.0.9:5678"},
	})
	t.Cleanup(client.Close)
	for raw, want := range map[string]struct{ admin, outside bool }{
		"http://8.8.8.8/hook":       {true, true},
		"https://[2606:4700::1]/":   {true, true},
		"http://192.168.0.5/hook":   {true, false},
		"http://100.64.3.4/hook":    {true, false},
		"http://[fd12:3456::1]/":    {true, false},
		"http://[::ffff:10.2.3.4]/": {true, false},
		"http://10.1.2.3/hook":      {true, true},
		"http://192.168.0.9:5678/":  {true, true},
		"http://192.168.0.9:5679/":  {true, false},
		"http://127.0.0.1:5678/":    {false, false},
		"http://169.254.169.254/":   {false, false},
	} {
		for ctx, ok := range map[context.Context]bool{t.Context(): want.admin, safehttp.FromOutside(t.Context()): want.outside} {
			err := client.Check(ctx, raw)
			if (err == nil) != ok {
				t.Errorf("%s, from outside %v: %v", raw, safehttp.IsFromOutside(ctx), err)
			}
			if _, refused := errors.AsType[*safehttp.Refused](err); err != nil && !refused {
				t.Errorf("%s: %v", raw, err)
			}
		}
	}
}
