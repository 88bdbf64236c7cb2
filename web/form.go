package web

import (
	"strings"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// form is what a browser sent in a body. The query is not part of it: a token
// or a password in an address would end up in logs and histories.
type form struct{ values map[string][]string }

// readForm reads a url-encoded or multipart body.
func readForm(r *request) form {
	f := form{values: make(map[string][]string)}
	if mp, err := r.MultipartForm(); err == nil {
		for name, values := range mp.Value {
			f.values[strings.Clone(name)] = values
		}
		return f
	}
	for k, v := range r.Request().PostArgs().All() {
		f.values[string(k)] = append(f.values[string(k)], string(v))
	}
	return f
}

// parseForm is readForm for a handler: a name that may come once comes once.
func parseForm(r *request) (form, error) {
	f := readForm(r)
	for name, values := range f.values {
		if len(values) > 1 && name != "events" {
			return form{}, errDuplicate
		}
	}
	return f, nil
}

// instanceForm is parseForm together with the instance of the address.
func (s *Server) instanceForm(r *request) (form, instance.Instance, error) {
	f, err := parseForm(r)
	if err != nil {
		return form{}, instance.Instance{}, err
	}
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	return f, in, err
}

// raw gives a value as it came: passwords may begin with a space.
func (f form) raw(name string) string {
	if v := f.values[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// text gives a value without white space around it.
func (f form) text(name string) string { return strings.TrimSpace(f.raw(name)) }

// has says whether the browser sent the field.
func (f form) has(name string) bool { return len(f.values[name]) > 0 }

// ticked says whether a check box was on.
func (f form) ticked(name string) bool {
	switch f.text(name) {
	case "on", "true", "1", "yes":
		return true
	default:
		return false
	}
}

// toggles gives the ticked event types, after the button that was pressed: a
// whole group or a preset. pressed is false when the form is to be saved.
func (f form) toggles() (t webhook.Toggles, pressed bool) {
	for _, name := range f.values["events"] {
		if info, ok := event.Lookup(name); ok {
			t = t.With(info.Type, true)
		}
	}
	if group, all, ok := strings.Cut(f.text("group"), ":"); ok {
		return t.WithGroup(event.Group(group), all == "all"), true
	}
	if chosen, known := preset(f.text("preset")); known {
		return chosen, true
	}
	return t, false
}

// preset gives the toggles of a preset by its name.
func preset(name string) (t webhook.Toggles, known bool) {
	switch name {
	case "all":
		return webhook.AllToggles(), true
	case "none":
		return 0, true
	case "recommended":
		return recommended(), true
	case "messages":
		return t.With(event.MessagesUpsert, true), true
	case "crm":
		for _, typ := range []event.Type{
			event.ConnectionUpdate, event.MessagesSet, event.MessagesUpsert, event.MessagesUpdate, event.SendMessage,
			event.ContactsSet, event.ContactsUpsert, event.ContactsUpdate, event.ChatsSet, event.ChatsUpsert,
		} {
			t = t.With(typ, true)
		}
		return t, true
	default:
		return 0, false
	}
}

// recommended are the types that most receivers need and that stay quiet.
func recommended() webhook.Toggles {
	var t webhook.Toggles
	for _, typ := range []event.Type{
		event.ConnectionUpdate, event.StateInstance, event.MessagesUpsert, event.MessagesUpdate, event.SendMessage,
		event.GroupsUpsert,
	} {
		t = t.With(typ, true)
	}
	return t
}
