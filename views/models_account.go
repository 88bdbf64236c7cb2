package views

import (
	"time"

	"pombal/internal/auth"
	"pombal/internal/instance"
)

// GeneralPage chooses language and time zone.
type GeneralPage struct {
	Page
	Zone   string // as typed; empty is the browser's own
	Errors FieldErrors
}

// SecurityPage changes the password and lists where the user is signed in.
type SecurityPage struct {
	Page
	Sessions []auth.Session
	Current  string // id of the session that looks
	Errors   FieldErrors
}

// AppearancePage chooses the theme and whether single keys do things.
type AppearancePage struct{ Page }

// AboutPage says what this program is made of.
type AboutPage struct {
	Page
	Engine  string // version of the WhatsApp library
	Go      string
	Modules []Module
}

// Module is a part of the program that others wrote.
type Module struct{ Name, Version, Licence string }

// ShortcutsPage lists the keys that do things.
type ShortcutsPage struct{ Page }

// ReauthPage asks for the password again before a secret is shown.
type ReauthPage struct {
	Page
	Next  string
	Error string
}

// LinkPage makes a pairing link for somebody who has no account.
type LinkPage struct {
	Page
	Instance instance.Instance
	URL      string // only right after it was made
	Ends     time.Time
}

// GuestPage is what a pairing link opens: the code of one instance.
type GuestPage struct {
	Page
	Panel InstancePanel
}
