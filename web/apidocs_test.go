package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"pombal/web/webtest"
)

// openAPI is what the tests read of the document.
type openAPI struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		Summary, OperationID string
		Parameters           []struct {
			Name, In string
			Required bool
		}
		Responses map[string]struct {
			Content map[string]struct{ Schema, Example any }
		}
	}
}

func document(t *testing.T, k *webtest.Kit) openAPI {
	t.Helper()
	a := k.NewClient().Get("/api/openapi.json").Want(200)
	var doc openAPI
	if err := json.Unmarshal([]byte(a.Body), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Fatalf("openapi %q, %v", doc.OpenAPI, err)
	}
	return doc
}

// Every route of a door is in the document, and everything in the document is
// a route.
func TestDocumentAndRoutesAgree(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	doc := document(t, k)
	routes := make(map[string]bool)
	for _, d := range k.Server.Declared() {
		if !isDoor(d[2]) || !strings.HasPrefix(d[1], "/api/") {
			continue
		}
		parts := strings.Split(d[1], "/")
		for i, p := range parts {
			if strings.HasPrefix(p, ":") {
				parts[i] = "{" + p[1:] + "}"
			}
		}
		path := strings.Join(parts, "/")
		routes[d[0]+" "+path] = true
		op, ok := doc.Paths[path][strings.ToLower(d[0])]
		if !ok {
			t.Errorf("%s %s is not in the document", d[0], path)
			continue
		}
		if op.Summary == "" || len(op.Responses) < 2 {
			t.Errorf("%s %s: %+v", d[0], path, op)
		}
		for _, p := range parts {
			name := strings.Trim(p, "{}")
			if name == p {
				continue
			}
			found := false
			for _, parameter := range op.Parameters {
				found = found || parameter.Name == name && parameter.In == "path" && parameter.Required
			}
			if !found {
				t.Errorf("%s %s does not describe %s", d[0], path, p)
			}
		}
	}
	seen := make(map[string]bool)
	for path, item := range doc.Paths {
		for method, op := range item {
			if !routes[strings.ToUpper(method)+" "+path] {
				t.Errorf("%s %s is in the document and no route", method, path)
			}
			if seen[op.OperationID] || op.OperationID == "" {
				t.Errorf("operation id %q is missing or used twice", op.OperationID)
			}
			seen[op.OperationID] = true
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d operations", len(seen))
	}
}

// The page shows each call once, with a command.
func TestDocumentationPage(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	a := k.NewClient().Get("/api/docs").Want(200, "h1", "article pre")
	operations := 0
	for _, item := range document(t, k).Paths {
		operations += len(item)
	}
	if got := a.Doc().Find("article").Length(); got != operations {
		t.Errorf("%d calls on the page, %d in the document", got, operations)
	}
	a.Doc().Find("[src], link[href]").Each(func(_ int, s *goquery.Selection) {
		for _, name := range []string{"src", "href"} {
			if at := s.AttrOr(name, ""); strings.Contains(at, "//") {
				t.Errorf("the page loads %s", at)
			}
		}
	})
}
