package views

import (
	"embed"

	"pombal/internal/event"
)

//go:embed recipes
var recipeFiles embed.FS

// recipe checks the signature of a webhook call in one language. It is the
// same for people of every language, so it is not in the catalogues.
type recipe struct{ ID, Language, Code string }

// recipes are the ready-made checks, in the order of the page.
func recipes() []recipe {
	list := []recipe{
		{ID: "php", Language: "PHP"}, {ID: "py", Language: "Python"}, {ID: "js", Language: "Node.js"},
		{ID: "go", Language: "Go"}, {ID: "sh", Language: "curl"},
	}
	for i, r := range list {
		name := "recipes/verify." + r.ID
		switch r.ID {
		case "go":
			name += ".txt" // not a part of this program
		case "sh":
			name = "recipes/send.sh" // no receiver is written in it, but one is tried out with it
		}
		code, err := recipeFiles.ReadFile(name)
		if err != nil { // the files are part of the binary
			continue
		}
		list[i].Code = string(code)
	}
	return list
}

// toggleNames are the 19 toggles.
func toggleNames() []event.Info { return event.All() }
