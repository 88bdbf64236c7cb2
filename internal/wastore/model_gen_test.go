package wastore_test

import (
	"context"
	"errors"
	"slices"
	"strings"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"pgregory.net/rapid"

	"pombal/internal/wastore"
)

type op struct {
	name string
	real func(ctx context.Context, d *wmstore.Device) string
	want func(d dev) string
}

// result shows an answer in the form the model uses.
func result(err error, value string) string {
	switch {
	case errors.Is(err, wastore.ErrDeviceGone):
		return "gone"
	case errors.Is(err, wastore.ErrNotFound):
		return "none"
	case err != nil:
		return "error"
	}
	return value
}

func text(b []byte) string {
	if b == nil {
		return "none"
	}
	return string(b)
}

var (
	users     = []string{"777", "7771", "77", "a_b", "axb", "A%"}
	values    = []string{"a", "b", strings.Repeat("c", 1700), strings.Repeat("d", 34_000)}
	messageID = []string{"1", "2"}
	ops       = slices.Concat(signalOps(), stateOps(), peopleOps(), eventOps())
)

type gen struct{ *rapid.T }

func (g gen) pick(from []string, label string) string {
	return rapid.SampledFrom(from).Draw(g.T, label)
}

func (g gen) number(n int, label string) int { return rapid.IntRange(0, n).Draw(g.T, label) }

func (g gen) signalUser() string { return g.pick(users, "user") + g.pick([]string{"", "_1"}, "agent") }

func (g gen) address() string { return g.signalUser() + ":" + g.pick([]string{"0", "3"}, "device") }

func (g gen) jid() types.JID {
	jid := types.NewJID(g.pick(users[:3], "user"), g.pick([]string{types.DefaultUserServer, types.HiddenUserServer}, "server"))
	jid.Device = uint16(g.number(1, "device") * 3)
	return jid
}

func (g gen) value() string { return g.pick(values, "value") }
