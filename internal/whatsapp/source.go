package whatsapp

import "strings"

// source guesses from the shape of a message id which kind of client made it,
// by v1.3's table. v2 knows no desktop: that is web.
func source(id string) string {
	switch {
	case len(id) == 20 && strings.HasPrefix(id, "3A"):
		return "ios"
	case len(id) == 22 && strings.HasPrefix(id, "3E"):
		return "web"
	case len(id) == 21, len(id) == 32:
		return "android"
	default:
		return "web"
	}
}
