package views

import (
	"strings"
	"time"

	"pombal/internal/instance"
)

// HistoryPart is what happened to an instance and how long it was online.
type HistoryPart struct {
	Page
	Instance instance.Instance
	Moments  []instance.Moment // newest first
	Spans    []instance.Availability
}

func historyID(instanceID string) string { return "history-" + instanceID }

// counted says whether any of the spans has something to show.
func (p HistoryPart) counted() bool {
	for _, a := range p.Spans {
		if _, known := a.Share(); known {
			return true
		}
	}
	return false
}

// share is how much of a span the number was online.
func (p HistoryPart) share(a instance.Availability) string {
	if share, known := a.Share(); known {
		return p.T.Percent(share)
	}
	return "–"
}

// spanName is the part of the catalogue key that names a span.
func spanName(a instance.Availability) string {
	switch {
	case a.Window <= 24*time.Hour:
		return "day"
	case a.Window <= 7*24*time.Hour:
		return "week"
	default:
		return "month"
	}
}

// slotClass is how a part of the bar is drawn.
func slotClass(s instance.Slot) string {
	share, known := s.Share()
	switch {
	case !known:
		return "off"
	case share >= .995:
		return "up"
	case share > 0:
		return "part"
	default:
		return "down"
	}
}

// tells is a moment in words, with the mark where its time or its number goes.
func (p HistoryPart) tells(m instance.Moment) string {
	switch m.Kind {
	case instance.MomentLogout:
		if m.Unlinked {
			return p.T.T("history.logout.both")
		}
		return p.T.T("history.logout.here")
	case instance.MomentIdentity:
		return p.T.T("history.identity", "who", mark)
	case instance.MomentReachout:
		if m.Until.IsZero() {
			return p.T.T("history.reachout.off")
		}
		return p.T.T("history.reachout.on", "until", mark)
	case instance.MomentProxy:
		if m.Detail == "" {
			return p.T.T("history.proxy.off")
		}
		return p.T.T("history.proxy.on", "proxy", m.Detail)
	default:
		s := instance.Status{Phase: m.Phase, Reason: m.Reason, Until: m.Until}
		return p.T.T(because(s), "code", m.Code, "until", mark, "n", 0)
	}
}

// who is an actor in words.
func (p HistoryPart) who(actor string) string {
	kind, name, _ := strings.Cut(actor, ":")
	switch kind {
	case "":
		return ""
	case instance.ActorPombal, instance.ActorPhone, instance.ActorWhatsApp:
		return p.T.T("history.by." + kind)
	case "user":
		return name
	case "link":
		return p.T.T("history.by.link")
	default:
		return p.T.T("history.by.program")
	}
}
