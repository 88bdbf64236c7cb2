package views

import (
	"github.com/a-h/templ"

	"pombal/internal/instance"
)

// tourStories are the demo's guided tour at its beginning, on its way, at its
// end, and left.
func tourStories() []Story {
	show := func(name string, done int, left bool) Story {
		return Story{name, true, func(p Page) templ.Component {
			tour := Tour{Left: left, Webhook: hookID}
			for i, key := range []string{"create", "show", "scan", "connected", "webhook", "toggle", "message", "delivery", "logout"} {
				tour.Steps = append(tour.Steps, TourStep{Key: key, URL: "/instances/" + storyID, Away: key == "scan", Done: i < done})
			}
			p.Demo = &Demo{PhoneURL: "http://127.0.0.1:1/", ReceiverURL: "http://127.0.0.1:2/", Tour: &tour}
			return draw(Instance, tourPage(p, done))
		}}
	}
	return []Story{show("tour", 0, false), show("tour-on-the-way", 5, false), show("tour-end", 9, false), show("tour-left", 5, true)}
}

// tourPage is the instance of the tour after so many steps.
func tourPage(p Page, done int) InstancePage {
	phase := instance.PhaseNew
	switch {
	case done >= 9:
		phase = instance.PhaseLoggedOut
	case done >= 3:
		phase = instance.PhaseConnected
	case done == 2:
		phase = instance.PhaseQR
	}
	in := storyInstance(phase, instance.ReasonNone)
	if phase == instance.PhaseLoggedOut {
		in = storyInstance(phase, instance.ReasonOperator)
	}
	v := instancePage(p, in)
	v.Steps = StepsPart{} // the demo has other instances too
	return v
}
