package webhook

// Outcome counts what became of one event at the webhooks that it went to.
type Outcome struct {
	Delivered int
	Waiting   int // not tried yet
	Failing   int // tried, and to be tried again
	Dead      int // given up
	Dropped   int // no longer wanted
}

// With adds a delivery.
func (o Outcome) With(status DeliveryStatus, attempts int) Outcome {
	switch {
	case status == StatusDelivered:
		o.Delivered++
	case status == StatusDead:
		o.Dead++
	case status == StatusDropped:
		o.Dropped++
	case attempts > 0:
		o.Failing++
	default:
		o.Waiting++
	}
	return o
}
