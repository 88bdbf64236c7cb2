package safehttp

import "context"

// outsideKey marks a context whose caller is no administrator.
type outsideKey struct{}

// FromOutside marks a context of somebody who may make this program call
// receivers, but not look around in its network with it: the holder of the
// token of an instance. Check then refuses private addresses as in public mode,
// but for those that are allowed one by one.
func FromOutside(ctx context.Context) context.Context {
	return context.WithValue(ctx, outsideKey{}, true)
}

// IsFromOutside says whether FromOutside marked the context.
func IsFromOutside(ctx context.Context) bool { return ctx.Value(outsideKey{}) != nil }

// judgeFor is the judge of what somebody saves.
func (c *Client) judgeFor(ctx context.Context) *judge {
	if !IsFromOutside(ctx) {
		return c.judge
	}
	strict := *c.judge
	strict.plain = strict.plain || strict.mode != ModePublic // http is no less allowed than before
	strict.mode = ModePublic
	return &strict
}
