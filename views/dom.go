package views

import (
	"fmt"
	"net/url"
	"strings"
)

// The ids of the regions that are fetched and swapped on their own.

func rowID(instanceID string) string    { return "row-" + instanceID }
func statusID(instanceID string) string { return "status-" + instanceID }
func pairID(instanceID string) string   { return "pair-" + instanceID }
func enabledID(hookID string) string    { return "enabled-" + hookID }

const (
	rowsID       = "rows"
	formID       = "webhook-form"
	togglesID    = "toggles"
	deliveriesID = "deliveries"
)

// selector is the CSS selector of an id. Ids of instances may be chosen by
// other programs, so what is no plain letter is escaped.
func selector(id string) string {
	var b strings.Builder
	b.WriteByte('#')
	for _, r := range id {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r >= 0x80:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\%x `, r)
		}
	}
	return b.String()
}

// instanceURL is the address of a page of an instance.
func instanceURL(id string, parts ...string) string {
	u := "/instances/" + url.PathEscape(id)
	for _, p := range parts {
		u += "/" + url.PathEscape(p)
	}
	return u
}

// hookURL is the address of a page of a webhook.
func hookURL(instanceID, hookID string, parts ...string) string {
	return instanceURL(instanceID, append([]string{"webhooks", hookID}, parts...)...)
}

// instancePath is the part of an API address that names an instance.
func instancePath(id string) string { return "/instance/" + url.PathEscape(id) }
