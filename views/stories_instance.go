package views

import (
	"time"

	"github.com/a-h/templ"

	"pombal/internal/instance"
	"pombal/internal/webhook"
)

func instanceStories() []Story {
	var all []Story
	add := func(name string, in instance.Instance) {
		all = append(all, Story{"instance-" + name, true, func(p Page) templ.Component {
			p = at(p, "/instances/"+in.ID)
			v := InstancePage{Page: p, Panel: panel(p, in), History: storyHistory(p, in)}
			v.Steps = StepsPart{Page: p, Instance: in, Wanted: !in.Status.Phase.Online(), Linked: in.Linked(), Webhooks: 1}
			if in.Status.Phase.Online() {
				v.Webhooks = []webhook.Webhook{storyHook(), {ID: "h2", Name: hostile, URL: "http://192.168.0.9:5678/x"}}
			}
			return Instance(v)
		}})
	}
	for _, phase := range instance.Phases() {
		add(string(phase), storyInstance(phase, instance.ReasonNone))
	}
	for _, reason := range instance.Reasons() {
		phase := instance.PhaseReconnecting
		switch reason {
		case instance.ReasonPhoneRemoved, instance.ReasonPrimaryGone, instance.ReasonAccountBanned, instance.ReasonLocalOnly:
			phase = instance.PhaseLoggedOut
		case instance.ReasonCodesSpent, instance.ReasonNobodyWatches:
			phase = instance.PhaseLinkExpired
		case instance.ReasonTempBan:
			phase = instance.PhaseBanned
		case instance.ReasonPairRejected, instance.ReasonPairTimeout, instance.ReasonPasskey:
			phase = instance.PhasePairFailed
		case instance.ReasonRefused:
			phase = instance.PhaseBlocked
		}
		in := storyInstance(phase, reason)
		in.Status.Code, in.Status.NextAt, in.Status.Attempt = 402, storyTime().Add(8*time.Second), 4
		in.Status.Detail = "dial tcp: lookup web.whatsapp.com: no such host"
		add("why-"+string(reason), in)
	}
	odd := storyInstance(instance.PhaseConnected, instance.ReasonNone)
	odd.ID, odd.Name, odd.WhatsApp.PushName, odd.WhatsApp.BusinessName = "shop.1:a", longHindi, hostile, hostile
	add("odd", odd)
	waits := storyInstance(instance.PhaseQR, instance.ReasonNone)
	all = append(all, pairStories()...)
	return append(all, Story{"instance-no-code-yet", true, func(p Page) templ.Component {
		return Instance(InstancePage{Page: p, Panel: InstancePanel{Page: p, Instance: waits}, History: HistoryPart{Page: p, Instance: waits}})
	}})
}

// storyHistory is a history with one moment of each kind.
func storyHistory(p Page, in instance.Instance) HistoryPart {
	part := HistoryPart{Page: p, Instance: in}
	at := storyTime()
	actors := []string{"user:ana@loja.example", instance.ActorPhone, instance.ActorWhatsApp, instance.ActorPombal, "key:k1"}
	for i, kind := range instance.MomentKinds() {
		m := instance.Moment{Kind: kind, At: at.Add(-time.Duration(i*i) * time.Hour), Phase: in.Status.Phase, Reason: in.Status.Reason,
			Code: 402, Actor: actors[i%len(actors)], Detail: "5511987650001@s.whatsapp.net", Unlinked: true}
		if kind == instance.MomentReachout {
			m.Until = at.Add(5 * time.Hour)
		}
		part.Moments = append(part.Moments, m)
	}
	for _, window := range instance.Windows() {
		a := instance.Availability{Window: window, Online: window * 99 / 100, Wanted: window}
		for i := range 48 {
			s := instance.Slot{Wanted: time.Duration(min(i, 1)) * time.Hour, Online: time.Duration(min(i, 1)) * time.Hour}
			if i%13 == 12 {
				s.Online /= time.Duration(i % 7)
			}
			a.Bar = append(a.Bar, s)
		}
		part.Spans = append(part.Spans, a)
	}
	return part
}

// pairStories are the ways to link without a camera, and what goes with them.
func pairStories() []Story {
	show := func(name string, phase instance.Phase, change func(*InstancePanel)) Story {
		return Story{name, true, func(p Page) templ.Component {
			v := InstancePanel{Page: p, Instance: storyInstance(phase, instance.ReasonNone), BaseURL: "https://wa.example"}
			if phase == instance.PhaseQR {
				v.Pairing = storyPairing()
			}
			change(&v)
			return Instance(InstancePage{Page: p, Panel: v, History: storyHistory(p, v.Instance)})
		}}
	}
	key := instance.Passkey{Request: []byte(`{"challenge":"q1w2e3","rpId":"whatsapp.com"}`), ExpiresAt: storyTime().Add(time.Minute)}
	in := storyInstance(instance.PhaseConnected, instance.ReasonNone)
	test := func(p Page, v TestPage) templ.Component {
		v.Page, v.Instance = at(p, "/instances/x/test"), in
		return TestMessage(v)
	}
	return []Story{
		show("code", instance.PhaseCode, func(v *InstancePanel) {
			v.Typed = &instance.TypedCode{Code: "K7QD2MXA", Phone: "5511987650001", Other: "551187650001", ExpiresAt: storyTime().Add(2 * time.Minute)}
		}),
		show("code-refused", instance.PhaseQR, func(v *InstancePanel) {
			v.Ask = CodeForm{Country: "91", Phone: hostile, Errors: FieldErrors{"phone": v.T.T("error.phone_invalid")}}
		}),
		show("passkey", instance.PhasePasskey, func(v *InstancePanel) { v.Passkey = &key }),
		show("passkey-refused", instance.PhasePasskey, func(v *InstancePanel) {
			v.Passkey, v.Ask = &key, CodeForm{Answer: hostile, Errors: FieldErrors{"answer": v.T.T("error.passkey_json")}}
		}),
		show("passkey-answered", instance.PhasePasskey, func(v *InstancePanel) {
			k := key
			k.Answered, v.Passkey = true, &k
		}),
		show("passkey-compare", instance.PhasePasskey, func(v *InstancePanel) {
			k := key
			k.Code, k.Confirm, v.Passkey = "K7QD2MXA", true, &k
		}),
		show("reachout", instance.PhaseConnected, func(v *InstancePanel) {
			v.Instance.Reachout = &instance.Reachout{Until: storyTime().Add(5 * time.Hour)}
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
