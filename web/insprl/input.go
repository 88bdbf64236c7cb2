package insprl

import (
	"encoding/json"
	"fmt"
	"mime"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// input is what a call carries.
type input struct {
	ClientID   string
	InstanceID string
}

// readInput reads the body: url-encoded as in the document's sample, multipart
// as PHP sends an array, or JSON as the vendor's newer calls. A body that
// cannot be read has no fields, and the caller is told which are missing.
func readInput(c *fiber.Ctx) input {
	kind, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil {
		kind = ""
	}
	switch kind {
	case fiber.MIMEApplicationJSON:
		return readJSON(c.Body())
	case fiber.MIMEMultipartForm:
		return readMultipart(c)
	}
	args := c.Request().PostArgs()
	return input{
		ClientID:   strings.TrimSpace(string(args.Peek("client_id"))),
		InstanceID: strings.TrimSpace(string(args.Peek("instance_id"))),
	}
}

func readMultipart(c *fiber.Ctx) input {
	f, err := c.MultipartForm()
	if err != nil {
		return input{}
	}
	first := func(name string) string {
		if v := f.Value[name]; len(v) > 0 {
			return strings.TrimSpace(v[0])
		}
		return ""
	}
	return input{ClientID: first("client_id"), InstanceID: first("instance_id")}
}

// readJSON takes strings and numbers: ids of digits are often sent bare.
func readJSON(body []byte) input {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return input{}
	}
	text := func(name string) string {
		var s string
		if json.Unmarshal(fields[name], &s) == nil {
			return strings.TrimSpace(s)
		}
		var n json.Number
		if json.Unmarshal(fields[name], &n) == nil {
			return n.String()
		}
		return ""
	}
	return input{ClientID: text("client_id"), InstanceID: text("instance_id")}
}

// missing names the fields that are absent or empty, in the document's order.
func (in input) missing() []string {
	var names []string
	for _, f := range []struct{ name, value string }{{"client_id", in.ClientID}, {"instance_id", in.InstanceID}} {
		if f.value == "" {
			names = append(names, fmt.Sprintf("The %s field is required.", f.name))
		}
	}
	return names
}
