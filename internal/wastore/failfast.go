package wastore

import (
	"context"
	"errors"
	"fmt"
)

// failKey finds in a context what ends it when the container fails.
type failKey struct{ c *Container }

// FailFast gives a context that ends as soon as a call with it fails for the
// sake of the store, with that failure as its cause. The engine needs it to
// send: a device whose identity cannot be read or stored it leaves out, and
// then reports success, unless its context has ended. The caller must call
// release.
func (c *Container) FailFast(ctx context.Context) (_ context.Context, release context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	return context.WithValue(ctx, failKey{c}, end), func() { end(nil) }
}

// failFast is deferred where a call meets the file. Answers and the caller's
// mistakes are no failures.
func (c *Container) failFast(ctx context.Context, err *error) {
	cause := recover()
	end, ok := ctx.Value(failKey{c}).(context.CancelCauseFunc)
	switch {
	case cause != nil && ok:
		end(fmt.Errorf("panic: %v", cause))
	case !ok, *err == nil:
	case errors.Is(*err, ErrInvalid), errors.Is(*err, ErrNotFound), errors.Is(*err, ErrNoDevice):
	default:
		end(*err)
	}
	if cause != nil {
		panic(cause)
	}
}
