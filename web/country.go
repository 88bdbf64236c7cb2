package web

import (
	"github.com/gofiber/fiber/v2"
	"golang.org/x/text/language"

	"pombal/views"
)

// likelyCountry guesses the calling code of the numbers that somebody types:
// that of the last one, that of the region that the browser names for the
// language of the page, that of most people who read this language, that of any
// region that the browser names. It is empty when nothing tells.
func likelyCountry(r *request, lang string) string {
	if last := r.Cookies(cookieCountry); views.KnownCountry(last) {
		return last
	}
	base, _ := language.Make(lang).Base()
	named := ""
	tags, _, _ := language.ParseAcceptLanguage(r.Get(fiber.HeaderAcceptLanguage)) // what cannot be read names nothing
	for _, tag := range tags {
		region, sure := tag.Region()
		if sure != language.Exact {
			continue
		}
		code := views.CountryOfRegion(region.String())
		if b, _ := tag.Base(); b == base && code != "" {
			return code
		}
		if named == "" {
			named = code
		}
	}
	switch lang {
	case "pt-BR":
		return "55"
	case "hi":
		return "91"
	}
	return named
}
