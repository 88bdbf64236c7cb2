package web

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/views"
	"pombal/web/codechat"
	"pombal/web/insprl"
)

// operation is a call of either door as the documentation shows it.
type operation struct {
	method, path, group, access, summary, query string
	body, answer                                any
	form                                        map[string]string // instead of body
	parts                                       []codechat.Part   // the same, of multipart
	status                                      int
}

// operations are all calls of both doors. Their texts are English: they are
// about contracts that are.
func (s *Server) operations() []operation {
	var list []operation
	for _, op := range s.codes.Operations() {
		group := "CodeChat v2"
		if strings.HasPrefix(op.Path, codechat.Prefix13+"/") {
			group = "CodeChat v1.3"
		}
		access := map[codechat.Who]string{
			codechat.WhoAdmin:    "operator's key",
			codechat.WhoBusiness: "operator's key or business token",
			codechat.WhoInstance: "operator's key, business token, instance token or a key with the scope " + op.Scope,
		}[op.Who]
		list = append(list, operation{
			method: op.Method, path: op.Path, group: group, access: access, summary: op.Summary, query: op.Query,
			body: op.Body, parts: op.Form, answer: op.Answer, status: op.Status,
		})
	}
	for _, op := range s.sprl.Operations() {
		group, access := "InSPRL", "client key"
		if op.Ours {
			group = "InSPRL, operations of our own"
		}
		if op.Global {
			access = "operator's key"
		}
		list = append(list, operation{
			method: fiber.MethodPost, path: op.Path, group: group, access: access, summary: op.Summary, form: op.Fields,
			answer: op.Answer, status: fiber.StatusOK,
		})
	}
	return list
}

// openAPI is GET /api/openapi.json.
func (s *Server) openAPI(r *request) error {
	doc, err := s.openAPIDocument()
	if err != nil {
		return err
	}
	r.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return r.Send(doc)
}

type node = map[string]any

// openAPIDocument writes the document from the doors' own lists.
func (s *Server) openAPIDocument() ([]byte, error) {
	paths := node{}
	for _, op := range s.operations() {
		path, parameters := templated(op.path)
		for name, values := range must(url.ParseQuery(op.query)) {
			parameters = append(parameters, node{
				"name": name, "in": "query", "schema": node{"type": "string"}, "example": values[0],
			})
		}
		content, err := jsonContent(op.answer)
		if err != nil {
			return nil, fmt.Errorf("document %s: %w", op.path, err)
		}
		entry := node{
			"summary": op.summary, "tags": []string{op.group}, "description": "Opened by: " + op.access + ".",
			"operationId": strings.ToLower(op.method) + strings.NewReplacer("/", "_", ":", "").Replace(op.path),
			"parameters":  parameters, "security": security(op.group),
			"responses": node{
				fmt.Sprint(op.status): node{"description": "The answer to the example", "content": content},
				"default":             node{"description": "A refusal in the door's own shape"},
			},
		}
		if entry["requestBody"], err = requestBody(op); err != nil {
			return nil, fmt.Errorf("document %s: %w", op.path, err)
		}
		if entry["requestBody"] == nil {
			delete(entry, "requestBody")
		}
		item, ok := paths[path].(node)
		if !ok {
			item = node{}
			paths[path] = item
		}
		item[strings.ToLower(op.method)] = entry
	}
	scheme := func(about string, more node) node { more["description"] = about; return more }
	return json.Marshal(node{
		"openapi": "3.1.0",
		"info":    node{"title": "Pombal", "version": s.Config.Version, "description": "The doors for other programs."},
		"paths":   paths,
		"components": node{"securitySchemes": node{
			"bearer": scheme("Instance token, business token, a key with scopes or the operator's key.", node{"type": "http", "scheme": "bearer"}),
			"apikey": scheme("The operator's key or a key with scopes.", node{"type": "apiKey", "in": "header", "name": "apikey"}),
			"client": scheme("InSPRL's client key, bare or after Bearer.", node{"type": "apiKey", "in": "header", "name": "Authorization"}),
		}},
	})
}

// must gives the values of one of our own examples.
func must(v url.Values, err error) url.Values {
	if err != nil {
		return nil
	}
	return v
}

// security names the schemes of a door.
func security(group string) []node {
	if strings.HasPrefix(group, "InSPRL") {
		return []node{{"client": []string{}}}
	}
	return []node{{"bearer": []string{}}, {"apikey": []string{}}}
}

// templated turns fiber's path into OpenAPI's, with its parameters.
func templated(path string) (text string, parameters []node) {
	parts := strings.Split(path, "/")
	parameters = []node{}
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + name + "}"
			parameters = append(parameters, node{"name": name, "in": "path", "required": true, "schema": node{"type": "string"}})
		}
	}
	return strings.Join(parts, "/"), parameters
}

func requestBody(op operation) (any, error) {
	if op.form != nil {
		properties := node{}
		for name, value := range op.form {
			properties[name] = node{"type": "string", "example": value}
		}
		schema := node{"type": "object", "properties": properties}
		return node{"required": true, "content": node{
			"application/x-www-form-urlencoded": node{"schema": schema, "example": op.form},
			"multipart/form-data":               node{"schema": schema, "example": op.form},
			"application/json":                  node{"schema": schema, "example": op.form},
		}}, nil
	}
	if op.parts != nil {
		return multipartBody(op.parts), nil
	}
	if op.body == nil {
		return nil, nil
	}
	content, err := jsonContent(op.body)
	return node{"content": content}, err
}

// multipartBody is a form with a file in it.
func multipartBody(parts []codechat.Part) node {
	properties, example := node{}, node{}
	for _, part := range parts {
		properties[part.Name] = node{"type": "string", "example": part.Value}
		if part.File {
			properties[part.Name] = node{"type": "string", "contentMediaType": "application/octet-stream"}
			continue
		}
		example[part.Name] = part.Value
	}
	return node{"required": true, "content": node{
		"multipart/form-data": node{"schema": node{"type": "object", "properties": properties}, "example": example},
	}}
}

// jsonContent is an example with the schema that it has.
func jsonContent(example any) (node, error) {
	if example == nil {
		return node{"text/html": node{}}, nil
	}
	raw, err := json.Marshal(example)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return nil, err
	}
	return node{"application/json": node{"schema": schemaOf(plain), "example": json.RawMessage(raw)}}, nil
}

// schemaOf is the schema of a value; what is null there may be anything.
func schemaOf(v any) node {
	switch v := v.(type) {
	case map[string]any:
		properties := node{}
		for name, value := range v {
			properties[name] = schemaOf(value)
		}
		return node{"type": "object", "properties": properties}
	case []any:
		items := node{}
		if len(v) > 0 {
			items = schemaOf(v[0])
		}
		return node{"type": "array", "items": items}
	case string:
		return node{"type": "string"}
	case float64:
		return node{"type": "number"}
	case bool:
		return node{"type": "boolean"}
	default:
		return node{}
	}
}

// apiDocs is GET /api/docs: the same as a page.
func (s *Server) apiDocs(r *request) error {
	page := views.APIDocsPage{Version: s.Config.Version}
	for _, op := range s.operations() {
		answer, err := json.MarshalIndent(op.answer, "", "  ")
		if err != nil {
			return err
		}
		if op.answer == nil {
			answer = []byte("a page")
		}
		command, err := curl(op)
		if err != nil {
			return err
		}
		if n := len(page.Groups); n == 0 || page.Groups[n-1].Title != op.group {
			page.Groups = append(page.Groups, views.APIGroup{Title: op.group})
		}
		group := &page.Groups[len(page.Groups)-1]
		group.Operations = append(group.Operations, views.APIOperation{
			Method: op.method, Path: op.path, Summary: op.summary, Access: op.access, Command: command, Status: op.status,
			Answer: string(answer),
		})
	}
	return s.render(r, fiber.StatusOK, views.APIDocs(page))
}

// curl is the example as a command. What differs from one house to the next is
// in variables of the shell, so that it works when pasted.
func curl(op operation) (string, error) {
	path := strings.NewReplacer(":instanceId", "$INSTANCE", ":instanceName", "$NAME", ":businessId", "$BUSINESS",
		":webhookId", "$WEBHOOK", ":phoneNumber", "$PHONE", ":messageId", "$MESSAGE").Replace(op.path)
	if op.query != "" {
		path += "?" + op.query
	}
	var b strings.Builder
	fmt.Fprintf(&b, "curl -X %s \"$POMBAL%s\"", op.method, path)
	if strings.HasPrefix(op.path, insprl.Prefix) {
		b.WriteString(" \\\n  -H \"Authorization: $KEY\"")
		for _, name := range []string{"client_id", "instance_id", "instance_name", "number", "message", "webhook_url", "enabled"} {
			value, ok := op.form[name]
			if !ok {
				continue
			}
			switch name {
			case "client_id":
				value = "$CLIENT"
			case "instance_id":
				value = "$INSTANCE"
			}
			fmt.Fprintf(&b, " \\\n  --data-urlencode \"%s=%s\"", name, value)
		}
		return b.String(), nil
	}
	b.WriteString(" \\\n  -H \"Authorization: Bearer $TOKEN\"")
	for _, part := range op.parts {
		at := ""
		if part.File {
			at = "@"
		}
		fmt.Fprintf(&b, " \\\n  -F '%s=%s%s'", part.Name, at, part.Value)
	}
	if op.body == nil {
		return b.String(), nil
	}
	raw, err := json.Marshal(op.body)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, " \\\n  -H 'Content-Type: application/json' \\\n  -d '%s'", raw)
	return b.String(), nil
}
