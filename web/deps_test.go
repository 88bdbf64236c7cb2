package web_test

import (
	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/webhook"
	"pombal/web"
)

// The real ones fit.
var (
	_ web.Instances = (*instance.Manager)(nil)
	_ web.Webhooks  = (*webhook.Service)(nil)
	_ web.Auth      = (*auth.Service)(nil)
)
