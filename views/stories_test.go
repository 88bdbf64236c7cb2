package views

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pombal/internal/instance"
	"pombal/internal/instance/statetest"
)

// What stories show can be: every instance in them is in a state that the
// engine can bring one to, with what is on the screen in that state and a past
// that led there.
func TestStoriesCanBe(t *testing.T) {
	p, err := storyPage("en", "light")
	if err != nil {
		t.Fatal(err)
	}
	seen := &storyCheck{phases: make(map[instance.Phase]bool), reasons: make(map[instance.Reason]bool)}
	names := make(map[string]bool)
	for _, s := range Stories() {
		if names[s.Name] {
			t.Errorf("two stories are called %q", s.Name)
		}
		names[s.Name] = true
		d, ok := s.Make(p).(drawn)
		if !ok && s.Full {
			t.Errorf("%s: what it shows cannot be looked at; make it with draw", s.Name)
		}
		seen.t, seen.story = t, s.Name
		seen.walk(reflect.ValueOf(d.model))
	}
	for _, phase := range instance.Phases() {
		if !seen.phases[phase] {
			t.Errorf("no story shows the phase %q", phase)
		}
	}
	for _, reason := range instance.Reasons() {
		if !seen.reasons[reason] {
			t.Errorf("no story shows the reason %q", reason)
		}
	}
}

// storyCheck looks through the value that a story draws.
type storyCheck struct {
	t       *testing.T
	story   string
	phases  map[instance.Phase]bool
	reasons map[instance.Reason]bool
}

func (c *storyCheck) wrong(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf("%s: %s", c.story, fmt.Sprintf(format, args...))
}

func (c *storyCheck) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		c.walk(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			c.walk(v.Index(i))
		}
	case reflect.Struct:
		c.check(v.Interface())
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				c.walk(v.Field(i))
			}
		}
	}
}

func (c *storyCheck) check(v any) {
	switch v := v.(type) {
	case instance.Instance:
		if v.ID != "" { // there is one
			c.instance(v)
		}
	case InstancePanel:
		c.panel(v)
	case InstancePage:
		c.page(v)
	case HistoryPart:
		c.history(v)
	case InstanceRow:
		if v.WebhooksFailing > v.WebhooksEnabled || v.WebhooksEnabled > v.Webhooks {
			c.wrong("%d of %d of %d webhooks fail", v.WebhooksFailing, v.WebhooksEnabled, v.Webhooks)
		}
	}
}

func (c *storyCheck) instance(in instance.Instance) {
	now := storyTime()
	if err := statetest.Check(in); err != nil {
		c.wrong("%v", err)
	}
	s := in.Status
	c.phases[s.Phase], c.reasons[s.Reason] = true, true
	if s.Since.After(now) || !s.NextAt.IsZero() && s.NextAt.Before(now) || !s.Until.IsZero() && s.Until.Before(now) {
		c.wrong("%s since %v, until %v, next %v: it is %v", s.Phase, s.Since, s.Until, s.NextAt, now)
	}
	if wa := in.WhatsApp; wa != nil && (wa.JID == "" || wa.LinkedAt.Before(in.CreatedAt) || wa.LinkedAt.After(now)) {
		c.wrong("the account is %+v", *wa)
	}
	if s.Phase.Online() && in.SeenAt.IsZero() {
		c.wrong("connected without a sign of life")
	}
	if s.Phase == instance.PhaseLoggedOut && in.WhatsApp == nil {
		c.wrong("nothing that could have been logged out")
	}
	if err := in.Proxy; (s.Reason == instance.ReasonProxyRefused || s.Reason == instance.ReasonProxyDown) && err == nil {
		c.wrong("%s without a proxy", s.Reason)
	}
}

// panel: what is on the screen belongs to the phase.
func (c *storyCheck) panel(p InstancePanel) {
	phase := p.Instance.Status.Phase
	for _, proof := range []struct {
		name  string
		there bool
		in    instance.Phase
	}{
		{"a QR code", p.Pairing != nil, instance.PhaseQR},
		{"a typed code", p.Typed != nil, instance.PhaseCode},
		{"a passkey", p.Passkey != nil, instance.PhasePasskey},
	} {
		if proof.there && phase != proof.in {
			c.wrong("%s in the phase %s", proof.name, phase)
		}
	}
	if q := p.Pairing; q != nil {
		life := 20 * time.Second
		if q.Number == 1 {
			life = time.Minute
		}
		if q.ExpiresAt.Sub(q.ShownAt) != life || q.Number > q.Of || q.ShownAt.After(p.Now) || q.ExpiresAt.Before(p.Now) {
			c.wrong("the code %+v", *q)
		}
	}
}

// page: its parts tell of the same instance.
func (c *storyCheck) page(p InstancePage) {
	in := p.Panel.Instance
	if p.History.Instance.ID != in.ID || p.History.Instance.Status != in.Status {
		c.wrong("a history of %+v beside %+v", p.History.Instance.Status, in.Status)
	}
	if s := p.Steps; s.Wanted {
		if s.Instance.ID != in.ID || s.Linked != in.Linked() || s.Webhooks != len(p.Webhooks) || s.Linked && s.Webhooks > 0 && s.Tested {
			c.wrong("steps %v, %d, %v beside %v, %d", s.Linked, s.Webhooks, s.Tested, in.Linked(), len(p.Webhooks))
		}
	}
	if in.Status.NeedsAttention() && p.Attention == 0 {
		c.wrong("it needs attention, and nothing does")
	}
}

// history: newest first, each moment can be, and the newest tells of now.
func (c *storyCheck) history(p HistoryPart) {
	for i, m := range p.Moments {
		if err := statetest.CheckMoment(m); err != nil {
			c.wrong("moment %d: %v", i, err)
		}
		if i > 0 && m.At.After(p.Moments[i-1].At) {
			c.wrong("moment %d is newer than the one before", i)
		}
		if m.At.Before(p.Instance.CreatedAt) {
			c.wrong("moment %d is older than the instance", i)
		}
	}
	if len(p.Moments) == 0 {
		if p.Instance.Status.Phase != instance.PhaseNew {
			c.wrong("%s without a past", p.Instance.Status.Phase)
		}
		return
	}
	s, m := p.Instance.Status, p.Moments[0]
	if m.Kind == instance.MomentPhase && (m.Phase != s.Phase || m.Reason != s.Reason || m.Code != s.Code || !m.At.Equal(s.Since)) {
		c.wrong("the past ends with %s because %q, and it is %s because %q", m.Phase, m.Reason, s.Phase, s.Reason)
	}
	if wanted := p.Instance.Linked() && p.Instance.State == instance.Active; m.Wanted != wanted {
		c.wrong("wanted = %v at the end of the past, it is %v", m.Wanted, wanted)
	}
	for _, a := range p.Spans {
		if a.Online > a.Wanted || a.Wanted > a.Window {
			c.wrong("online for %v of %v of %v", a.Online, a.Wanted, a.Window)
		}
	}
}
