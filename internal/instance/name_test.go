package instance_test

import (
	"context"
	"errors"
	"testing"

	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
)

func TestNames(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	ctx := context.Background()
	for _, name := range []string{"", " ", "a/b", "<b>", "x\ny", string(make([]byte, 65)), "😀"} {
		if _, err := h.Manager.Create(ctx, instance.CreateParams{Name: name}); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
	for _, name := range []string{"Loja SP", "दुकान", "a-b_c.9", "Ação"} {
		h.Create(name)
	}
	if _, err := h.Manager.Create(ctx, instance.CreateParams{Name: "loja sp"}); !errors.Is(err, instance.ErrNameTaken) {
		t.Errorf("the same name in another case: %v", err)
	}
}
