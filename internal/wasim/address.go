package wasim

import "go.mau.fi/whatsmeow/types"

// Address is the address of an account or a device, under a name for callers
// that know no WhatsApp library.
type Address = types.JID
