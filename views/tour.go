package views

import "pombal/internal/live"

// Tour is the demo's guided tour: a first walk through the pages, whose steps
// are ticked by what is so and not by what was clicked.
type Tour struct {
	Left    bool       // somebody does not want it now
	Steps   []TourStep // in their order
	Webhook string     // the id of the webhook that it follows; empty before there is one
}

// TourStep is one step. Its texts are "tour." + Key, with the link in it, and
// "tour." + Key + ".link".
type TourStep struct {
	Key  string
	URL  string
	Away bool // the link leads to another of the demo's pages
	Done bool
}

// now is the first step that is not done; nil after the last.
func (t Tour) now() *TourStep {
	for i := range t.Steps {
		if !t.Steps[i].Done {
			return &t.Steps[i]
		}
	}
	return nil
}

// done counts the steps that are done.
func (t Tour) done() int {
	n := 0
	for _, step := range t.Steps {
		if step.Done {
			n++
		}
	}
	return n
}

// signals are those that may tick a step.
func (t Tour) signals() []string {
	list := []string{live.SignalInstances, "inst-any"}
	if t.Webhook != "" {
		list = append(list, live.SignalHook(t.Webhook))
	}
	return list
}
