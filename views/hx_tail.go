package views

import (
	"context"

	"github.com/a-h/templ"

	"pombal/internal/live"
)

// hxTail makes a region follow the event log: however fast events come, it asks
// once a second at most. A page of the past stands still.
func hxTail(ctx context.Context, url string, follows bool) templ.Attributes {
	if !follows {
		return templ.Attributes{}
	}
	return hx(ctx, "hx-get", url, "hx-trigger",
		"refresh, resync from:#live, "+pollSlow+" from:#live, "+live.SignalLog+" from:#live throttle:1s",
		"hx-swap", "outerMorph", "hx-status:4xx", "swap:none", "hx-status:5xx", "swap:none")
}
