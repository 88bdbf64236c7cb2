package instance

import (
	"context"

	"pombal/internal/problem"
)

// History says how much of an account's past becomes events when it is linked.
// It counts for what arrives after it was chosen; HistoryFull has to be chosen
// before linking, because the phone is told then.
type History string

// The choices. What the engine itself needs of the past (keys, which number
// has which LID) is kept with each of them.
const (
	// HistoryRecent takes what phones send by themselves, about three months.
	// It is what an instance has that was never asked.
	HistoryRecent History = ""
	// HistoryNone takes nothing.
	HistoryNone History = "none"
	// HistoryFull asks the phone for everything it gives, about a year.
	HistoryFull History = "full"
)

// SetHistory chooses how much of the past linking brings; problem.Invalid names
// "history". A session that is open keeps the choice it began with.
func (m *Manager) SetHistory(ctx context.Context, id string, h History) (Instance, error) {
	switch h {
	case "recent":
		h = HistoryRecent
	case HistoryRecent, HistoryNone, HistoryFull:
	default:
		return Instance{}, problem.InvalidField("history", "error.history_invalid")
	}
	return m.change(ctx, id, func(r *runner) error {
		return r.apply(ctx, func(in *Instance) error {
			in.History = h
			return nil
		})
	})
}
