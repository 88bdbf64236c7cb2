package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/views"
)

// ownForm says whether a refused request was sent by a form of one of our own
// pages. What another site sent is not shown to anybody as their own words.
func ownForm(r *request) bool {
	return r.Method() == fiber.MethodPost && r.Get("Sec-Fetch-Site") == "same-origin" && r.user != nil
}

// typed gives back what somebody typed into a form that was refused, so that it
// is not lost with the page. Fields that may hold secrets are not among them.
func typed(r *request) []views.TypedValue {
	if !ownForm(r) {
		return nil
	}
	var values []views.TypedValue
	f := readForm(r)
	for _, field := range [][2]string{
		{"name", "new.name"}, {"url", "hooks.url"}, {"recipient", "test.to"}, {"text", "test.message"},
	} {
		if text := f.text(field[0]); text != "" {
			values = append(values, views.TypedValue{Label: field[1], Value: strings.ToValidUTF8(text, "\uFFFD")})
		}
	}
	return values
}

// backFrom is the page that a refused form stands on; "" when there is no way
// back.
func backFrom(r *request) string {
	if !ownForm(r) {
		return ""
	}
	return cameFrom(r)
}
