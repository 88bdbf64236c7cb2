package views

import (
	"slices"
	"strings"

	"pombal/internal/auth"
)

// accountTabs are the settings pages that somebody may open, in the order of
// their tabs.
func (p Page) accountTabs() []string {
	tabs := []string{"general", "whatsapp"}
	if p.can(auth.RoleAdmin) {
		tabs = append(tabs, "retention", "backup")
	}
	return append(tabs, "security", "appearance", "about")
}

// zones are the time zones of the menu: where the four languages are spoken,
// and UTC. One that was chosen in another way is offered too.
func (p GeneralPage) zones() []string {
	all := []string{
		"America/Sao_Paulo", "America/Manaus", "America/Rio_Branco", "America/Noronha", "America/Bahia", "America/Fortaleza",
		"Asia/Kolkata", "Asia/Kathmandu", "Asia/Dubai", "Africa/Luanda", "Africa/Maputo", "Europe/Lisbon", "Europe/Madrid",
		"Europe/London", "Europe/Berlin", "America/Argentina/Buenos_Aires", "America/Asuncion", "America/Bogota", "America/Caracas",
		"America/Guatemala", "America/La_Paz", "America/Lima", "America/Mexico_City", "America/Montevideo", "America/Panama",
		"America/Santiago", "America/Santo_Domingo", "America/Tijuana", "America/New_York", "America/Chicago", "America/Denver",
		"America/Los_Angeles", "UTC",
	}
	if p.Zone != "" && !slices.Contains(all, p.Zone) {
		all = append(all, p.Zone)
	}
	slices.Sort(all)
	return all
}

// zoneLabel is a zone's name as people write it.
func zoneLabel(name string) string { return strings.ReplaceAll(name, "_", " ") }

// zoneName is the zone for the script: empty where nobody chose one.
func (p Page) zoneName() string {
	if name := p.T.Zone().String(); p.T.Zoned() {
		return name
	}
	return ""
}

// device names a browser and its system, as far as it tells.
func (p Page) device(agent string) string {
	b, s := browser(agent), system(agent)
	if b == "" || s == "" {
		return p.T.T("sessions.unknown")
	}
	return p.T.T("sessions.browser", "browser", b, "system", s)
}

// browser is the name of a browser; "" when it does not tell.
func browser(agent string) string {
	for _, b := range [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox", "Firefox"}, {"HeadlessChrome", "Chrome"},
		{"Chrome", "Chrome"}, {"Safari", "Safari"}, {"curl", "curl"},
	} {
		if strings.Contains(agent, b[0]) {
			return b[1]
		}
	}
	return ""
}

// system is the name of its system; "" when it does not tell.
func system(agent string) string {
	for _, s := range [][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS", "macOS"},
		{"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, s[0]) {
			return s[1]
		}
	}
	return ""
}

// back is where the way out of the password question leads.
func (p ReauthPage) back() string {
	if p.Next == "" {
		return "/instances"
	}
	return p.Next
}

// shortcut is a key, or two in a row, and what it does.
type shortcut struct {
	Keys []string
	Text string
}

// shortcuts are all there are.
func (p Page) shortcuts() []shortcut {
	all := []shortcut{
		{[]string{"/"}, p.T.T("shortcuts.search")},
		{[]string{"n"}, p.T.T("instances.new")},
		{[]string{"j"}, p.T.T("shortcuts.down")},
		{[]string{"k"}, p.T.T("shortcuts.up")},
	}
	for _, l := range p.nav() {
		all = append(all, shortcut{[]string{"g", l.Key}, p.T.T("shortcuts.go", "page", p.T.T(l.Label))})
	}
	return append(all,
		shortcut{[]string{"?"}, p.T.T("shortcuts.help")},
		shortcut{[]string{"Esc"}, p.T.T("shortcuts.close")})
}

// navLink is a link of the main navigation.
type navLink struct {
	URL, Label, Icon string
	Key              string // after g
}

// nav are the links of the main navigation.
func (p Page) nav() []navLink {
	links := []navLink{
		{"/instances", "nav.instances", "phone", "i"},
		{"/events", "nav.events", "pulse", "e"},
	}
	if p.can(auth.RoleAdmin) {
		links = append(links, navLink{"/keys", "nav.keys", "key", "k"})
	}
	return append(links, navLink{"/settings", "nav.settings", "gear", "s"})
}

// current says how a link of the main navigation stands to the page: "page",
// "true" for a page below it, "" for any other.
func (p Page) current(link string) string {
	switch {
	case p.Path == link:
		return "page"
	case strings.HasPrefix(p.Path, link+"/"):
		return "true"
	default:
		return ""
	}
}
