package wastore_test

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// model is what the container should hold: rows of device and kind by name,
// values as text. Copying it is a savepoint.
type model struct {
	rows     map[string]string
	lidOf    map[string]string
	pnOf     map[string]string
	migrated map[string]bool // forgotten at reopening
	gone     map[string]bool
	now      time.Time
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.rows), maps.Clone(m.lidOf), maps.Clone(m.pnOf), maps.Clone(m.migrated), maps.Clone(m.gone), m.now}
}

// dev is the model of one device.
type dev struct {
	*model
	name string
}

func (d dev) key(kind string, parts ...string) string {
	return strings.Join(append([]string{d.name, kind}, parts...), "|")
}

func (d dev) get(kind string, parts ...string) string {
	if v, ok := d.rows[d.key(kind, parts...)]; ok {
		return v
	}
	return "none"
}

func (d dev) put(value, kind string, parts ...string) string {
	if d.gone[d.name] {
		return "gone"
	}
	d.rows[d.key(kind, parts...)] = value
	return "ok"
}

func (d dev) del(kind string, parts ...string) string {
	delete(d.rows, d.key(kind, parts...))
	return "ok"
}

// each returns the last key parts of all rows of a kind whose key goes on with
// prefix, in order.
func (d dev) each(kind, prefix string) []string {
	var names []string
	start := d.key(kind) + "|"
	for key := range d.rows {
		if rest, ok := strings.CutPrefix(key, start); ok && strings.HasPrefix(rest, prefix) {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names
}

func (d dev) twin(jid types.JID) types.JID {
	switch jid.Server {
	case types.DefaultUserServer:
		if lid := d.lidOf[jid.User]; lid != "" {
			return lidJID(lid)
		}
	case types.HiddenUserServer:
		if pn := d.pnOf[jid.User]; pn != "" {
			return pnJID(pn)
		}
	}
	return types.EmptyJID
}

func (d dev) forms(jid types.JID) []types.JID {
	forms := []types.JID{jid.ToNonAD()}
	if twin := d.twin(jid); !twin.IsEmpty() {
		forms = append(forms, twin)
	}
	return forms
}

// op is one call: what the store answers and what the model says it should.
