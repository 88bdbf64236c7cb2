package instance

import "time"

// VersionInfo is what people are told about versions.
type VersionInfo struct {
	Engine     string    // the library's version
	EngineDate time.Time // its date; zero when unknown
	Compiled   string    // the number of WhatsApp Web it came with, such as 2.3000.1045649367
	Active     string    // the number new connections use
	Fetched    string    // the newest number found and believed; empty: none yet
	Override   string    // the number chosen by hand; empty: none
	Refused    bool      // WhatsApp refuses the active number
	CheckedAt  time.Time // when WhatsApp's page was last read; zero: never
	CheckError string    // why it could not be read the last time; empty: it could
	// RefusedBefore are the numbers that WhatsApp refused, the latest first.
	// They are not tried again by themselves.
	RefusedBefore []RefusedVersion
	DeviceName    string // what phones call our links
}

// RefusedVersion is a number that WhatsApp refused, and when first.
type RefusedVersion struct {
	Number string
	At     time.Time
}
