// Package wastore keeps everything the WhatsApp engine asks of its store in
// Pombal's data file: devices, Signal sessions and keys, app state, contacts,
// chat settings, message secrets, tokens, buffered events and the map between
// phone numbers and LIDs. It implements every store interface of whatsmeow.
//
// It must never start a goroutine, open the file itself, hold a bbolt
// transaction while foreign code runs, or create anything for a device that
// was deleted. DESIGN.md describes keys, transactions and lock order.
package wastore
