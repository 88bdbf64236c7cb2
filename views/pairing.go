package views

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"pombal/internal/instance"
	"pombal/internal/live"
	"pombal/static"
)

// url is the address of a part of the card: below the instance for those who
// are signed in, below the pairing link for its holder.
func (p InstancePanel) url(part string) string {
	if p.Guest != "" {
		return "/link/" + url.PathEscape(p.Guest) + "/" + part
	}
	return instanceURL(p.Instance.ID, part)
}

// picture is the address of the picture of the code. A story's code belongs to
// no instance, so another picture stands in for it.
func (p InstancePanel) picture() string {
	if p.Still {
		return static.URL("icons/favicon.svg")
	}
	return fmt.Sprintf("%s?n=%d", p.url("qr.png"), p.Pairing.Seq)
}

// renewal makes the card fetch itself: by signals where there is a stream, by
// the clock for the holder of a pairing link, who has none.
func (p InstancePanel) renewal(ctx context.Context) templ.Attributes {
	if p.Guest != "" {
		return hxEvery(ctx, p.url("pair"), "3s")
	}
	return hxLive(ctx, p.url("pair"), pollFast, live.SignalQR(p.Instance.ID), live.SignalInstance(p.Instance.ID))
}

// shown says whether the card has something to show.
func (p InstancePanel) shown() bool { return p.Guest != "" || needsPanel(p.Instance) }

// step is the button of the card. The holder of a pairing link can ask for a
// code and nothing else.
func (p InstancePanel) step() *step {
	s := nextStep(p.Instance)
	if p.Guest != "" && (s == nil || s.Path != "connect" || p.Instance.Linked()) {
		return nil
	}
	return s
}

// left is how long the code on the screen still lives.
func (p InstancePanel) left() time.Duration { return p.Pairing.ExpiresAt.Sub(p.Now) }

// life is how long the code lives in all.
func (p InstancePanel) life() time.Duration { return p.Pairing.ExpiresAt.Sub(p.Pairing.ShownAt) }

// busy says whether something goes on that will end by itself.
func (p InstancePanel) busy() bool {
	switch p.Instance.Status.Phase {
	case instance.PhaseConnecting, instance.PhaseReconnecting, instance.PhaseQR, instance.PhaseCode, instance.PhasePaired:
		return true
	default:
		return false
	}
}

// waiting is the part of the catalogue key that says what is waited for.
func (p InstancePanel) waiting() string {
	if p.Instance.Status.Phase == instance.PhasePaired {
		return "paired"
	}
	if !p.Instance.Status.NextAt.IsZero() {
		return "retry"
	}
	return "code"
}

// ending is the part of the catalogue key that says what is to be done.
func (p InstancePanel) ending() string {
	s := p.Instance.Status
	if s.Reason == instance.ReasonPrimaryGone || s.Reason == instance.ReasonOtherNumber {
		return string(s.Reason)
	}
	switch s.Phase {
	case instance.PhaseNew, instance.PhaseLoggedOut:
		if s.Reason == instance.ReasonAccountBanned {
			return "account_banned"
		}
		return string(s.Phase)
	case instance.PhaseBlocked:
		if s.Reason == instance.ReasonProxyRefused {
			return "proxy_refused"
		}
		return string(s.Phase)
	case instance.PhaseLinkExpired:
		switch s.Reason {
		case instance.ReasonNobodyWatches, instance.ReasonCodeExpired, instance.ReasonPasskeyTimeout:
			return string(s.Reason)
		case instance.ReasonNone, instance.ReasonCodesSpent:
			return string(s.Phase)
		}
		return "broke_off"
	default:
		return string(s.Phase)
	}
}

// mayReplace says whether another number than before could be linked: the
// instance had one, and an operator decides, not the holder of a pairing link.
func (p InstancePanel) mayReplace() bool {
	return p.Guest == "" && p.Instance.WhatsApp != nil && !p.Instance.Linked()
}

// typedNumber is the number that was typed for the pairing code, where WhatsApp
// answered with another form of it.
func (p InstancePanel) typedNumber() string {
	wa := p.Instance.WhatsApp
	user, _, _ := strings.Cut(wa.JID, "@")
	if wa.Typed == "" || wa.Typed == user {
		return ""
	}
	return phone(wa.Typed)
}

// pulse makes the card of a connected number fetch itself now and then: the
// last sign of life changes without any signal.
func (p InstancePanel) pulse() string {
	if p.Instance.Status.Phase.Online() {
		return "every 30s"
	}
	return ""
}
