package views

import (
	"maps"
	"slices"
)

// otherErrors are the messages of fields that a form does not show: nothing
// that was refused may stay unsaid.
func otherErrors(errors FieldErrors, ids []string) []string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(errors)) {
		if i := slices.Index(ids, name); i < 0 || i%2 != 0 {
			texts = append(texts, errors[name])
		}
	}
	return texts
}

// only gives the error of one field.
func (e FieldErrors) only(name string) FieldErrors {
	if e[name] == "" {
		return nil
	}
	return FieldErrors{name: e[name]}
}

// without gives the errors of all other fields.
func (e FieldErrors) without(names ...string) FieldErrors {
	others := maps.Clone(e)
	for _, name := range names {
		delete(others, name)
	}
	return others
}
