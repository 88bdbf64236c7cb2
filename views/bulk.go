package views

import (
	"strings"

	"pombal/internal/instance"
)

// title asks the question, naming the one instance or counting them.
func (p BulkPage) title() string {
	if len(p.Instances) == 1 {
		return p.T.T("bulk.title_one", "what", p.T.T("bulk."+p.Act), "name", p.Instances[0].Name)
	}
	return p.T.N("bulk.title", len(p.Instances), "what", p.T.T("bulk."+p.Act))
}

// tags is what the field of the tags holds: as typed, or as stored.
func (p InstanceSettingsPage) tags() string {
	if p.Errors["tags"] != "" {
		return p.Tags
	}
	return storedTags(p.Instance)
}

// storedTags are the tags of an instance as they are typed.
func storedTags(in instance.Instance) string { return strings.Join(in.Tags, ", ") }
