package codechat

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/problem"
)

// Fail answers with the body of CodeChat's exceptions. The texts are English:
// they are part of the contract and read by programs. p must not be nil.
func (d *Door) Fail(c *fiber.Ctx, p *problem.Error, requestID string) error {
	status, message := answer(c, p, requestID)
	return c.Status(status).JSON(errorJSON{Message: message, Error: http.StatusText(status), StatusCode: status})
}

// answer maps a refusal to a status and messages. Unauthorized and forbidden
// are one answer, so that nobody learns which ids exist.
func answer(c *fiber.Ctx, p *problem.Error, requestID string) (status int, message []string) {
	cannot := "Cannot " + c.Method() + " " + c.Path()
	switch p.Kind {
	case problem.Unauthorized, problem.Forbidden:
		return http.StatusUnauthorized, []string{"Unauthorized"}
	case problem.NotConnected:
		return http.StatusBadRequest, []string{"The instance is not connected"}
	case problem.NotFound:
		if p.Text.Key == "error.instance_not_found" {
			return http.StatusNotFound, []string{"The instance was not found"}
		}
		return http.StatusNotFound, []string{cannot}
	case "method":
		return http.StatusMethodNotAllowed, []string{cannot}
	case problem.TooLarge:
		return http.StatusRequestEntityTooLarge, []string{"The request is too large"}
	case problem.Invalid:
		return http.StatusBadRequest, invalid(p)
	case problem.Conflict:
		return http.StatusConflict, []string{"The request conflicts with the state of the instance"}
	case problem.TooMany:
		return http.StatusTooManyRequests, []string{"Too many requests, try again later"}
	case problem.Unavailable:
		return http.StatusServiceUnavailable, []string{"The service is not available, try again later"}
	case "bad_request":
		return http.StatusBadRequest, []string{"The request could not be read"}
	default:
		return http.StatusInternalServerError, []string{"Internal error, see request " + requestID + " in the server's log"}
	}
}

// invalid names each field that was refused.
func invalid(p *problem.Error) []string {
	if len(p.Fields) == 0 {
		return []string{"The request is not valid"}
	}
	message := make([]string, 0, len(p.Fields))
	for _, f := range p.Fields {
		message = append(message, f.Name+" is not valid")
	}
	return message
}
