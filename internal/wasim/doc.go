// Package wasim is a stand-in WhatsApp network: a server on loopback that the
// unmodified whatsmeow client talks to, and the phones that go with it. Tests
// and the demo use it in place of the real network.
//
// It owns its own state and nothing else: everything lives in memory inside one
// [Server], two servers know nothing of each other, and Close ends every
// goroutine. It listens on loopback addresses only, and it must never be reached
// from the code that serves real accounts.
//
// What it speaks is what the engine asks for: a websocket over TLS with its own
// authority; Noise XX with a certificate chain below its own root; linking by QR
// code or typed code with the account's and the device's signatures, with the
// passkey step where a phone wants it; stream error 515 and login; prekeys; usync;
// application state; history and files through a media host; keep-alive; acks,
// receipts, presence and pictures; messages between accounts and in groups with
// real Signal encryption; unlinking from either side; and faults on demand
// ([Faults], [Server.Drop], [Server.Conflict], [Server.Ban], [Server.Malformed],
// …). Newsletters, communities, status, business profiles and the media of calls
// are absent; [Server.Inject] and [Server.Notify] send any stanza.
//
// # Use
//
//	root := wasim.NewRoot()
//	whatsmeow.WACertPubKey = root.Key() // once per process: it is a global
//	net, err := wasim.Start(wasim.Config{Root: root})
//	ana := net.NewPhone("5511900000001", "Ana")
//	// client: SetPreLoginHTTPClient, SetWebsocketHTTPClient and
//	// SetMediaHTTPClient with net.HTTPClient(), then Connect
//	device, err := ana.Scan(ctx, codeFromTheQREvent)
//	err = net.WaitOnline(ctx, device)
//	id, err := bob.SendText(ctx, ana, "hello")
//	err = net.WaitAcked(ctx, id)
//
// Protocol facts in comments refer to files of whatsmeow, which is the only
// reference that this package answers to.
package wasim
