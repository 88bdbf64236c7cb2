package codechat

import (
	"context"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
)

// admit finds the instance of the path for a caller who may use it, and names
// the caller for the audit. Somebody whose token does not open the instance
// gets the same answer whether it exists or not.
func (d *Door) admit(c *fiber.Ctx) (in instance.Instance, actor string, err error) {
	ctx, id := c.UserContext(), c.Params("instanceId")
	if d.global(c) {
		in, err = d.Instances.Get(ctx, id)
		return in, "global-key", err
	}
	claims, err := d.Credentials.ParseInstanceToken(ctx, bearer(c))
	if err != nil {
		return in, "", err
	}
	if claims.InstanceID != id {
		return in, "", auth.ErrUnauthorized
	}
	in, err = d.owned(ctx, claims)
	return in, "token:" + id, err
}

// owned finds the instance of a token that was not replaced since.
func (d *Door) owned(ctx context.Context, claims auth.InstanceClaims) (instance.Instance, error) {
	in, err := d.Instances.Get(ctx, claims.InstanceID)
	if errors.Is(err, instance.ErrNotFound) || problem.KindOf(err) == problem.NotFound {
		return in, auth.ErrUnauthorized
	}
	if err != nil {
		return in, err
	}
	if in.Token.ID == "" || in.Token.ID != claims.TokenID {
		return instance.Instance{}, auth.ErrUnauthorized
	}
	return in, nil
}

// global says whether the caller has the operator's key, in either of the
// headers that CodeChat's clients put it into.
func (d *Door) global(c *fiber.Ctx) bool {
	for _, key := range []string{c.Get("apikey"), bearer(c)} {
		if key != "" && d.Credentials.IsGlobalKey(key) {
			return true
		}
	}
	return false
}

// bearer is the credential of the Authorization header.
func bearer(c *fiber.Ctx) string {
	scheme, token, found := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
