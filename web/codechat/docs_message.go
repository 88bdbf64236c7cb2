package codechat

import (
	"encoding/json"

	"pombal/internal/event"
)

// What the examples of messages speak of.
const (
	sampleNumber = "5521998880002"
	sampleFile   = "https://files.example.com/receipt.png"
	// sampleMine and sampleTheirs are messages of the chat with sampleNumber.
	sampleMine   = "01jm"
	sampleTheirs = "01jn"
)

// messageDocs are the calls that send and mark messages, but for plain text.
func messageDocs() map[string]doc {
	sent := func(kind string, content object) any { return newSent(sampleOf(kind, content), sampleID) }
	file := object{"URL": "https://mmg.whatsapp.net/v/t62", "mimetype": "image/png", "caption": "receipt", "fileLength": "48213", "mediaKey": "q83v"}
	key := object{"remoteJID": samplePeer, "fromMe": false, "ID": "A1B2C3D4"}
	return map[string]doc{
		"POST /send/media": {
			summary: "Send the file at an address: image, video, document, sticker or audio of at most 100 MiB. The address must be public",
			body:    object{"recipient": sampleNumber, "mediaMessage": object{"mediaType": "image", "url": sampleFile, "caption": "receipt"}}, status: 201,
			answer: sent("imageMessage", file),
		},
		"POST /send/media-file": {
			summary: "Send a file of at most 100 MiB",
			form: []Part{
				{Name: "recipient", Value: sampleNumber}, {Name: "mediatype", Value: "document"},
				{Name: "caption", Value: "receipt"}, {Name: "attachment", Value: "receipt.pdf", File: true},
			}, status: 201,
			answer: sent("documentMessage", object{"mimetype": "application/pdf", "fileName": "receipt.pdf", "caption": "receipt"}),
		},
		"POST /send/audio": {
			summary: "Send sound; Ogg with Opus is shown as recorded speech",
			body:    object{"recipient": sampleNumber, "audioMessage": object{"url": "https://files.example.com/note.ogg"}}, status: 201,
			answer: sent("audioMessage", object{"mimetype": "audio/ogg; codecs=opus", "PTT": true, "seconds": 4}),
		},
		"POST /send/location": {
			summary: "Send a place",
			body:    object{"recipient": sampleNumber, "locationMessage": object{"latitude": -23.5505, "longitude": -46.6333, "name": "Shop Front"}}, status: 201,
			answer: sent("locationMessage", object{"degreesLatitude": -23.5505, "degreesLongitude": -46.6333, "name": "Shop Front"}),
		},
		"POST /send/contact": {
			summary: "Send 1 to 20 business cards",
			body:    object{"recipient": sampleNumber, "contactMessage": []object{{"fullName": "Otto", "phoneNumber": "+49 1511 2340003", "wuid": "4915112340003"}}}, status: 201,
			answer: sent("contactMessage", object{"displayName": "Otto", "vcard": "BEGIN:VCARD"}),
		},
		"POST /send/link-preview": {
			summary: "Send an address with a title; nobody looks at what it leads to",
			body:    object{"recipient": sampleNumber, "linkPreview": object{"link": "https://shop.example.com/7", "title": "Offer of the day", "text": "Have a look"}}, status: 201,
			answer: sent("extendedTextMessage", object{"text": "Have a look https://shop.example.com/7", "matchedText": "https://shop.example.com/7", "title": "Offer of the day"}),
		},
		"POST /send/forward": {
			summary: "Send a message that is kept to somebody else",
			body:    object{"recipient": sampleNumber, "messageId": sampleTheirs}, status: 201,
			answer: sent("extendedTextMessage", object{"text": "thanks", "contextInfo": object{"isForwarded": true, "forwardingScore": 1}}),
		},
		"PATCH /send/reaction": {
			summary: "Put an emoji on a message; an empty one takes it away",
			body:    object{"messageId": sampleTheirs, "reaction": "👍"},
			answer:  sent("reactionMessage", object{"key": key, "text": "👍"}),
		},
		"PATCH /send/edit-message": {
			summary: "Give a text of the last 20 minutes another wording",
			body:    object{"messageId": sampleMine, "newText": "order ready at 5"},
			answer:  sent("protocolMessage", object{"key": key, "type": "MESSAGE_EDIT", "editedMessage": object{"conversation": "order ready at 5"}}),
		},
		"POST /chat/validate-numbers": {
			summary: "Ask which of 1 to 50 numbers are on WhatsApp",
			body:    object{"numbers": []string{sampleNumber, "5521900000000"}},
			answer:  []numberJSON{{JID: samplePeer, Exists: true, LID: "123456789012345@lid"}, {JID: "5521900000000@s.whatsapp.net"}},
		},
		"PATCH /chat/mark-as-read": {
			summary: "Tell people that their messages were read, 1 to 100 at a time",
			body:    object{"messageIds": []string{sampleTheirs}}, answer: readJSON{Message: "Read messages", Read: "success"},
		},
		"DELETE /chat/delete/message/:messageId": {summary: "Delete a message for everyone", answer: newSent(sampleSent(), sampleID)},
	}
}

// sampleOf is a sent message with another content.
func sampleOf(kind string, content object) event.SentData {
	d := sampleSent()
	d.ContentType, d.ExternalAttributes = kind, ""
	if raw, err := json.Marshal(content); err == nil { // our own words always can be
		d.Content = raw
	}
	return d
}
