package views

import (
	"context"
	"strings"

	"github.com/a-h/templ"
)

// The attributes of htmx are written here and nowhere else. Each element that
// has one carries the nonce of its page, without which hx-csp takes them off
// again.

// hxGet makes an element fetch url. more are further attributes: name, value.
func hxGet(ctx context.Context, url string, more ...string) templ.Attributes {
	return hx(ctx, append(more, "hx-get", url)...)
}

// hxPost makes a form, or a button of a form, send itself to url; the answer is
// the region anew, or an address to go to.
func hxPost(ctx context.Context, url, region string, more ...string) templ.Attributes {
	return hx(ctx, append([]string{
		"hx-post", url, "hx-target", region, "hx-swap", "outerMorph",
	}, more...)...)
}

// hxLive makes a region fetch itself again, from url, when one of the signals
// arrives, when signals were lost, and by the clock while no stream is open.
// poll is pollSlow or pollFast. A signal "every 30s" is the clock in any case.
func hxLive(ctx context.Context, url, poll string, signals ...string) templ.Attributes {
	trigger := "refresh, resync from:#live, " + poll + " from:#live"
	for _, s := range signals {
		switch {
		case s == "":
		case strings.HasPrefix(s, "every "):
			trigger += ", " + s
		default:
			trigger += ", " + s + " from:#live"
		}
	}
	return hx(ctx, "hx-get", url, "hx-trigger", trigger, "hx-swap", "outerMorph",
		"hx-status:4xx", "swap:none", "hx-status:5xx", "swap:none")
}

// hxEvery makes a region fetch itself again and again, where there is no stream
// to wait for.
func hxEvery(ctx context.Context, url, every string) templ.Attributes {
	return hx(ctx, "hx-get", url, "hx-trigger", "refresh, every "+every, "hx-swap", "outerMorph",
		"hx-status:4xx", "swap:none", "hx-status:5xx", "swap:none")
}

// The events that app.js sends while no stream is open.
const (
	pollSlow = "poll"    // every 10 s
	pollFast = "poll-qr" // every 3 s
)

// hxDialog makes a link to a page of its own open the same content in the
// dialog.
func hxDialog(ctx context.Context, url string) templ.Attributes {
	return hxGet(ctx, url, "hx-target", "#dialog", "hx-swap", "innerHTML")
}

// hxNonce is for elements that carry attributes of htmx but no address.
func hxNonce(ctx context.Context, more ...string) templ.Attributes {
	return hx(ctx, more...)
}

func hx(ctx context.Context, pairs ...string) templ.Attributes {
	attrs := templ.Attributes{"hx-nonce": templ.GetNonce(ctx)}
	for i := 0; i+1 < len(pairs); i += 2 {
		attrs[pairs[i]] = pairs[i+1]
	}
	return attrs
}

// htmxConfig is the content of the meta element that configures htmx. A region
// that fetches itself leaves a field alone that was refused: only the answer to
// its own form, which app.js marks as busy until then, takes away what it says
// and what was typed.
const htmxConfig = `{"extensions":"sse,hx-csp","includeIndicatorCSS":false,"history":"reload","noSwap":[204,304],` +
	`"defaultTimeout":20000,"defaultFocusScroll":false,"morphIgnore":["data-htmx-powered","aria-busy"],"morphSkip":"form:not([aria-busy]) .wrong"}`
