package views

import (
	"time"

	"github.com/a-h/templ"

	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// instancePage is the overview of an instance: of the only one there is, which
// is to be linked first, or of one of many.
func instancePage(p Page, in instance.Instance) InstancePage {
	p = at(p, "/instances/"+in.ID)
	if in.Status.NeedsAttention() {
		p.Attention = 1
	}
	v := InstancePage{Page: p, Panel: panel(p, in), History: storyHistory(p, in)}
	if in.WhatsApp != nil {
		v.Webhooks = []webhook.Webhook{storyHook(), {ID: "h2", Name: hostile, URL: "http://192.168.0.9:5678/x"}}
	}
	v.Steps = StepsPart{Page: p, Instance: in, Wanted: in.WhatsApp == nil, Linked: in.Linked(), Webhooks: len(v.Webhooks)}
	return v
}

func instanceStories() []Story {
	var all []Story
	add := func(name string, in instance.Instance) {
		all = append(all, Story{"instance-" + name, true, func(p Page) templ.Component {
			return draw(Instance, instancePage(p, in))
		}})
	}
	for _, phase := range instance.Phases() {
		add(string(phase), storyInstance(phase, instance.ReasonNone))
	}
	for _, reason := range instance.Reasons() {
		if phase := phaseOf(reason); usual(phase) != reason {
			add("why-"+string(reason), storyInstance(phase, reason))
		}
	}
	add("renewed", storyInstance(instance.PhaseReconnecting, instance.ReasonOperator))
	add("no-network", storyInstance(instance.PhaseConnecting, instance.ReasonUnreachable))
	add("new-again", storyInstance(instance.PhaseNew, instance.ReasonRestart))
	odd := storyInstance(instance.PhaseConnected, instance.ReasonNone)
	odd.ID, odd.Name, odd.WhatsApp.PushName, odd.WhatsApp.BusinessName = "shop.1:a", longHindi, hostile, hostile
	add("odd", odd)
	return append(append(all, firstStories()...), pairStories()...)
}

// firstStories are the first minutes: linked, with the rest still to do; and a
// code that has been asked for.
func firstStories() []Story {
	return []Story{
		{"instance-first-steps", true, func(p Page) templ.Component {
			v := instancePage(p, storyInstance(instance.PhaseConnected, instance.ReasonNone))
			v.Webhooks, v.Steps.Wanted, v.Steps.Webhooks = nil, true, 0
			return draw(Instance, v)
		}},
		{"instance-no-code-yet", true, func(p Page) templ.Component {
			v := instancePage(p, storyInstance(instance.PhaseQR, instance.ReasonNone))
			v.Panel.Pairing = nil
			return draw(Instance, v)
		}},
	}
}

// pairStories are the ways to link without a camera, and what goes with them.
func pairStories() []Story {
	show := func(name string, phase instance.Phase, change func(*InstancePanel)) Story {
		return Story{name, true, func(p Page) templ.Component {
			v := instancePage(p, storyInstance(phase, instance.ReasonNone))
			change(&v.Panel)
			v.History = storyHistory(p, v.Panel.Instance)
			return draw(Instance, v)
		}}
	}
	in := storyInstance(instance.PhaseConnected, instance.ReasonNone)
	test := func(p Page, v TestPage) templ.Component {
		v.Page, v.Instance = at(p, "/instances/x/test"), in
		return draw(TestMessage, v)
	}
	return []Story{
		show("code-refused", instance.PhaseQR, func(v *InstancePanel) {
			v.Ask = CodeForm{Country: "91", Phone: hostile, Errors: FieldErrors{"phone": v.T.T("error.phone_invalid")}}
		}),
		show("passkey-refused", instance.PhasePasskey, func(v *InstancePanel) {
			v.Ask = CodeForm{Answer: hostile, Errors: FieldErrors{"answer": v.T.T("error.passkey_json")}}
		}),
		show("passkey-answered", instance.PhasePasskey, func(v *InstancePanel) { v.Passkey.Answered = true }),
		show("passkey-compare", instance.PhasePasskey, func(v *InstancePanel) {
			v.Passkey.Answered, v.Passkey.Code, v.Passkey.Confirm = true, "K7QD-2MXA", true
		}),
		show("reachout", instance.PhaseConnected, func(v *InstancePanel) {
			v.Instance.Reachout = &instance.Reachout{Kind: "WEB_COMPANION_ONLY", Since: storyTime().Add(-time.Hour), Until: storyTime().Add(5 * time.Hour)}
			v.Instance.WhatsApp.PhoneSeen = storyTime().Add(-13 * 24 * time.Hour)
		}),
		{"test", true, func(p Page) templ.Component {
			return test(p, TestPage{To: "+55 11 98765-0001", Text: p.T.T("test.sample")})
		}},
		{"test-refused", true, func(p Page) templ.Component {
			return test(p, TestPage{To: hostile, Text: hostile, Errors: FieldErrors{"recipient": p.T.T("error.recipient_invalid")}})
		}},
		{"test-sent", true, func(p Page) templ.Component {
			v := TestPage{To: "+55 11 98765-0001", Sent: &instance.Sent{MessageID: "m1", Timestamp: storyTime()}}
			v.Sent.Data.KeyRemoteJID = "5511987650001@s.whatsapp.net"
			return test(p, v)
		}},
	}
}
