package insprl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// input is what a call carries: the first value of each field, trimmed.
type input struct {
	values map[string]string
	twice  []string // fields that were given more than once
}

// readInput reads the body: url-encoded as in the document's sample, multipart
// as PHP sends an array, or JSON as the vendor's newer calls. A body that
// cannot be read has no fields, and the caller is told which are missing.
func readInput(c *fiber.Ctx) input {
	in := input{values: make(map[string]string)}
	kind, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil {
		kind = ""
	}
	switch kind {
	case fiber.MIMEApplicationJSON:
		in.readJSON(c.Body())
	case fiber.MIMEMultipartForm:
		if f, err := c.MultipartForm(); err == nil {
			for name, values := range f.Value {
				for _, v := range values {
					in.add(name, v)
				}
			}
		}
	default:
		for name, value := range c.Request().PostArgs().All() {
			in.add(string(name), string(value))
		}
	}
	return in
}

// add takes a value. Which of two values each reader of a call takes is
// anybody's guess, so two are an error.
func (in *input) add(name, value string) {
	if _, there := in.values[name]; there {
		in.twice = append(in.twice, name)
		return
	}
	in.values[name] = strings.TrimSpace(value)
}

// readJSON takes strings, numbers and booleans: ids of digits are often sent
// bare. Anything else counts as absent.
func (in *input) readJSON(body []byte) {
	if !json.Valid(body) {
		return
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return
		}
		var value any
		if dec.Decode(&value) != nil {
			return
		}
		text := ""
		switch v := value.(type) {
		case string:
			text = v
		case json.Number:
			text = v.String()
		case bool:
			text = fmt.Sprint(v)
		}
		in.add(fmt.Sprint(name), text)
	}
}

// missing names the fields that are absent or empty, in the order asked for,
// and those given more than once.
func (in input) missing(names ...string) []string {
	var faults []string
	for _, name := range names {
		switch {
		case slices.Contains(in.twice, name):
			faults = append(faults, fmt.Sprintf("The %s field must be given once.", name))
		case in.values[name] == "":
			faults = append(faults, fmt.Sprintf("The %s field is required.", name))
		}
	}
	return faults
}
