package instance

import "strings"

// userJID strips the device number from an AD JID: 5511…:12@s.whatsapp.net
// becomes 5511…@s.whatsapp.net.
func userJID(device string) string {
	user, server, ok := strings.Cut(device, "@")
	if !ok {
		return device
	}
	user, _, _ = strings.Cut(user, ":")
	return user + "@" + server
}
