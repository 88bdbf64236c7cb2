package event

import "time"

// LogQuery chooses recorded events, newest first. Ids sort by the time of
// recording over all instances.
type LogQuery struct {
	InstanceID string // "" for all living instances
	Type       Type   // "" for all
	Text       string // in the id and, with Bodies, in the body; "" for all
	Bodies     bool   // who asks may read bodies
	From, To   time.Time
	Before     string // only events with a smaller id; "" begins with the newest
	UpTo       string // only this id and smaller ones
	After      string // only greater ids
	Limit      int
	Deep       bool // look through everything, however long it takes
}
