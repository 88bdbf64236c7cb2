package instance

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"pombal/internal/live"
	"pombal/internal/problem"
)

// Limits of tags.
const (
	MaxTags   = 10 // of one instance
	MaxTagLen = 24 // characters
)

// ParseTags reads tags that somebody typed, separated by commas or lines. One
// that is there twice, whatever its case, counts once. problem.Invalid names
// the field "tags".
func ParseTags(text string) ([]string, error) {
	var tags []string
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' || c == '\n' }) {
		tag := strings.TrimPrefix(strings.Join(strings.Fields(part), " "), "#")
		if tag == "" {
			continue
		}
		if utf8.RuneCountInString(tag) > MaxTagLen || !utf8.ValidString(tag) || strings.ContainsFunc(tag, notInName) {
			return nil, problem.InvalidField("tags", "error.tag_invalid", "max", MaxTagLen)
		}
		if !HasTag(tags, tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) > MaxTags {
		return nil, problem.InvalidField("tags", "error.tags_many", "max", MaxTags)
	}
	slices.SortFunc(tags, compareTags)
	return tags, nil
}

func compareTags(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}

// HasTag says whether a tag is on a list; case does not matter.
func HasTag(tags []string, tag string) bool {
	return slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) })
}

// SetTags replaces the tags of an instance if rev is still the stored one or 0;
// ErrChanged otherwise. tags are as ParseTags gives them.
func (m *Manager) SetTags(ctx context.Context, id string, tags []string, rev uint64) (Instance, error) {
	return m.retag(ctx, id, func(in *Instance) error {
		if rev != 0 && in.Rev != rev {
			return ErrChanged
		}
		in.Tags = slices.Clone(tags)
		return nil
	})
}

// Retag adds tags to an instance and takes others away. Those that are there,
// or are not, already, are fine. problem.Invalid names the field "tags" when
// there would be more than MaxTags.
func (m *Manager) Retag(ctx context.Context, id string, add, remove []string) (Instance, error) {
	return m.retag(ctx, id, func(in *Instance) error {
		tags := slices.DeleteFunc(slices.Clone(in.Tags), func(t string) bool { return HasTag(remove, t) })
		for _, tag := range add {
			if !HasTag(tags, tag) {
				tags = append(tags, tag)
			}
		}
		if len(tags) > MaxTags {
			return problem.InvalidField("tags", "error.tags_many", "max", MaxTags)
		}
		slices.SortFunc(tags, compareTags)
		in.Tags = tags
		return nil
	})
}

func (m *Manager) retag(ctx context.Context, id string, change func(*Instance) error) (Instance, error) {
	in, err := m.change(ctx, id, func(r *runner) error {
		return r.apply(ctx, func(in *Instance) error {
			before := in.Tags
			if err := change(in); err != nil {
				return err
			}
			if !slices.Equal(before, in.Tags) {
				in.Rev++
			}
			return nil
		})
	})
	if err == nil {
		m.deps.Notify(live.SignalInstances)
	}
	return in, err
}
