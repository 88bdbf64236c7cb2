package insprl

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

// The codes of the document. They are strings: its sample quotes them, and a
// PHP client may compare with ===.
const (
	codeDone         = "100"
	codeUnauthorized = "101"
	codeInvalid      = "102"
)

// selected is the answer for an instance that does not exist and for one that
// the key does not open.
const selected = "The selected instance_id is invalid."

// reply is the body of every answer. The order of the fields is the sample's.
type reply struct {
	Code    string `json:"code"`
	Message string `json:"message"` // success or failed
	Result  any    `json:"result"`  // a string, with 102 an array, at our own operations also an object
}

func sendDone(c *fiber.Ctx, result any) error {
	return c.JSON(reply{Code: codeDone, Message: "success", Result: result})
}

func sendInvalid(c *fiber.Ctx, result ...string) error {
	return c.JSON(reply{Code: codeInvalid, Message: "failed", Result: result})
}

// sendScopeMissing tells the holder of a good key what it lacks.
func sendScopeMissing(c *fiber.Ctx, scope auth.Scope) error {
	return c.JSON(reply{Code: codeUnauthorized, Message: "failed", Result: "This key needs the scope " + string(scope)})
}

// Fail answers a refusal in the shape of the document. Authorization is
// answered with status 200, as everything that the document knows; what it does
// not know keeps its HTTP status, so that proxies and clients notice. p must
// not be nil.
func (d *Door) Fail(c *fiber.Ctx, p *problem.Error, requestID string) error {
	switch p.Kind {
	case problem.Unauthorized, problem.Forbidden:
		return c.Status(http.StatusOK).JSON(reply{Code: codeUnauthorized, Message: "failed", Result: "Authorization failed"})
	case problem.Invalid:
		c.Status(http.StatusOK)
		return sendInvalid(c, "The request is not valid.")
	case problem.NotFound:
		c.Status(http.StatusNotFound)
		return sendInvalid(c, "There is nothing at this address.")
	case "method":
		c.Status(http.StatusMethodNotAllowed)
		return sendInvalid(c, "The "+c.Method()+" method is not supported here. Use POST.")
	case problem.TooLarge:
		c.Status(http.StatusRequestEntityTooLarge)
		return sendInvalid(c, "The request is too large.")
	case problem.TooMany:
		c.Status(http.StatusTooManyRequests)
		return sendInvalid(c, "Too many requests. Try again later.")
	case problem.Unavailable:
		c.Status(http.StatusServiceUnavailable)
		return sendInvalid(c, "The service is not available. Try again later.")
	case problem.Storage:
		c.Status(http.StatusInsufficientStorage)
		return sendInvalid(c, "Nothing can be stored now. The disk of the server is full or failing.")
	case "bad_request":
		c.Status(http.StatusBadRequest)
		return sendInvalid(c, "The request could not be read.")
	default:
		c.Status(http.StatusInternalServerError)
		return sendInvalid(c, "Internal error, see request "+requestID+" in the server's log.")
	}
}
