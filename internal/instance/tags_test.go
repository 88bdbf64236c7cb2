package instance_test

import (
	"slices"
	"strings"
	"testing"

	"pombal/internal/instance"
	"pombal/internal/problem"
)

func TestParseTags(t *testing.T) {
	for text, want := range map[string][]string{
		"":                             nil,
		" , #br,BR\nvendas sul ":       {"br", "vendas sul"},
		"राजस्थान, عربي":               {"राजस्थान", "عربي"},
		"b,a,C":                        {"a", "b", "C"},
		strings.Repeat("x", 24) + ",y": {strings.Repeat("x", 24), "y"},
	} {
		got, err := instance.ParseTags(text)
		if slices.Sort(want); err != nil || len(got) != len(want) {
			t.Errorf("ParseTags(%q) = %q, %v; want %q", text, got, err, want)
			continue
		}
		for _, tag := range want {
			if !instance.HasTag(got, tag) {
				t.Errorf("ParseTags(%q) = %q lacks %q", text, got, tag)
			}
		}
	}
	for _, bad := range []string{"<b>", strings.Repeat("x", 25), "a,b,c,d,e,f,g,h,i,j,k", "\xff"} {
		if tags, err := instance.ParseTags(bad); problem.KindOf(err) != problem.Invalid {
			t.Errorf("ParseTags(%q) = %q, %v", bad, tags, err)
		}
	}
}
