package webtest

import (
	"context"
	"slices"

	"pombal/internal/instance"
)

// SetTags replaces the tags.
func (f *Instances) SetTags(_ context.Context, id string, tags []string, rev uint64) (instance.Instance, error) {
	return f.change("tags", id, func(in *instance.Instance) error {
		if rev != 0 && rev != in.Rev {
			return instance.ErrChanged
		}
		in.Tags = tags
		in.Rev++
		return nil
	})
}

// Retag adds and removes tags.
func (f *Instances) Retag(_ context.Context, id string, add, remove []string) (instance.Instance, error) {
	return f.change("retag", id, func(in *instance.Instance) error {
		in.Tags = slices.DeleteFunc(slices.Clone(in.Tags), func(t string) bool { return instance.HasTag(remove, t) })
		in.Tags = append(in.Tags, add...)
		return nil
	})
}
