package auth_test

import (
	"testing"

	"pombal/internal/auth"
)

func TestRoleAtLeast(t *testing.T) {
	t.Parallel()
	roles := []auth.Role{auth.RoleViewer, auth.RoleOperator, auth.RoleAdmin, auth.RoleOwner}
	for i, role := range roles {
		for j, least := range roles {
			if got := role.AtLeast(least); got != (i >= j) {
				t.Errorf("%s at least %s: got %t", role, least, got)
			}
		}
	}
	for _, unknown := range []auth.Role{"", "root"} {
		for _, least := range append(roles, unknown) {
			if unknown.AtLeast(least) {
				t.Errorf("%q is at least %q", unknown, least)
			}
		}
	}
}
