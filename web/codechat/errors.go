package codechat

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/webhook"
)

// Prefix13 starts the paths of version 1.3.
const Prefix13 = "/api/v1"

// Fail answers with the body of CodeChat's exceptions. The texts are English:
// they are part of the contract and read by programs. p must not be nil.
func (d *Door) Fail(c *fiber.Ctx, p *problem.Error, requestID string) error {
	status, message := d.answer(c, p, requestID)
	if strings.HasPrefix(c.Path(), Prefix13+"/") {
		if errors.Is(p, instance.ErrNotFound) && strings.HasPrefix(c.Path(), Prefix13+"/instance/connectionState/") {
			// Version 1.3 calls an instance that is not there closed.
			return c.Status(http.StatusOK).JSON(stateJSON{State: "close", StatusReason: http.StatusBadRequest})
		}
		if p.Kind == problem.Unauthorized && (strings.HasSuffix(c.Path(), "/create") || strings.HasSuffix(c.Path(), "/fetchInstances")) {
			// The calls that need the global key say so, with another status.
			status, message = http.StatusForbidden, []string{"Missing global api key", "The global api key must be set"}
		}
		return c.Status(status).JSON(error13JSON{Status: status, Error: http.StatusText(status), Message: message})
	}
	return c.Status(status).JSON(errorJSON{Message: message, Error: http.StatusText(status), StatusCode: status})
}

// answer maps a refusal to a status and messages. Unauthorized and forbidden
// are one answer, so that nobody learns which ids exist; a key that lacks a
// scope is told so.
func (d *Door) answer(c *fiber.Ctx, p *problem.Error, requestID string) (status int, message []string) {
	words, own := faultOf(p)
	switch p.Kind {
	case problem.Unauthorized, problem.Forbidden:
		if own {
			return http.StatusForbidden, words
		}
		return http.StatusUnauthorized, []string{"Unauthorized"}
	case problem.NotConnected:
		return http.StatusBadRequest, []string{"The instance is not connected"}
	case problem.NotFound:
		return http.StatusNotFound, []string{missing(c, p)}
	case "method":
		return http.StatusMethodNotAllowed, []string{cannot(c)}
	case problem.TooLarge:
		return http.StatusRequestEntityTooLarge, []string{"The request is too large"}
	case problem.Invalid:
		if own {
			return http.StatusBadRequest, words
		}
		return http.StatusBadRequest, d.invalid(p)
	case problem.Conflict:
		if len(p.Fields) > 0 {
			return http.StatusConflict, d.invalid(p)
		}
		return http.StatusConflict, []string{d.conflict(p)}
	case problem.TooMany:
		return http.StatusTooManyRequests, []string{"Too many requests, try again later"}
	case problem.Unavailable:
		return http.StatusServiceUnavailable, []string{"The service is not available, try again later"}
	case problem.Storage:
		return http.StatusInsufficientStorage, []string{"Nothing can be stored now, the disk of the server is full or failing"}
	case "bad_request":
		return http.StatusBadRequest, []string{"The request could not be read"}
	default:
		return http.StatusInternalServerError, []string{"Internal error, see request " + requestID + " in the server's log"}
	}
}

func cannot(c *fiber.Ctx) string { return "Cannot " + c.Method() + " " + c.Path() }

// missing says what was not found.
func missing(c *fiber.Ctx, p *problem.Error) string {
	for _, m := range []struct {
		err  error
		text string
	}{
		{instance.ErrNotFound, "The instance was not found"},
		{webhook.ErrNotFound, "The webhook was not found"},
		{instance.ErrNoBusiness, "The business was not found"},
		{instance.ErrNoAccount, "sourceWhatsAppId is not the WhatsApp of an instance of this business"},
	} {
		if errors.Is(p, m.err) {
			return m.text
		}
	}
	return cannot(c)
}

// conflict says what stands in the way.
func (d *Door) conflict(p *problem.Error) string {
	if errors.Is(p, instance.ErrBusinessInUse) {
		return "The business still has instances (force=true deletes them), or is the last one"
	}
	return d.Text(p.Text)
}

// invalid says of each field what is allowed.
func (d *Door) invalid(p *problem.Error) []string {
	if len(p.Fields) == 0 {
		return []string{"The request is not valid"}
	}
	message := make([]string, 0, len(p.Fields))
	for _, f := range p.Fields {
		switch {
		case errors.Is(p, instance.ErrTokenReplaced):
			message = append(message, "oldToken is not the token in use")
		case errors.Is(p, instance.ErrTargetLinked):
			message = append(message, "instanceIdTarget has a WhatsApp already")
		case f.Text.Key == "error.invalid":
			message = append(message, f.Name+" is not valid")
		default:
			message = append(message, f.Name+": "+d.Text(f.Text))
		}
	}
	return message
}
