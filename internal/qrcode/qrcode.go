// Package qrcode draws QR codes as PNG pictures. It owns the drawing library;
// nobody else imports it. It must never log or keep a text: whoever sees a
// pairing code can link the account.
package qrcode

import (
	"encoding/base64"
	"fmt"

	qr "github.com/skip2/go-qrcode"
)

// moduleSize is the side of one module in pixels. A whole number keeps the
// edges sharp, so that a phone still reads the picture when it is scaled.
const moduleSize = 8

// PNG draws text as a QR code, black on white with the quiet zone of four
// modules that the standard asks for. Correction is low: WhatsApp's texts are
// long, and on a screen nothing is dirty, so large modules are worth more.
func PNG(text string) ([]byte, error) {
	code, err := qr.New(text, qr.Low)
	if err != nil {
		return nil, fmt.Errorf("make QR code: %w", err)
	}
	// A negative size is one of modules, not of the picture.
	png, err := code.PNG(-moduleSize)
	if err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	return png, nil
}

// DataURL is PNG as a data URL.
func DataURL(text string) (string, error) {
	png, err := PNG(text)
	if err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(png), nil
}
