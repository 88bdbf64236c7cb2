// Package qrcode draws QR codes.
package qrcode

import (
	"encoding/base64"
	"fmt"

	"github.com/skip2/go-qrcode"
)

// module is the size of one module in pixels. The library takes a negative
// picture size as a module size; a fixed picture size would give uneven bars.
const module = 8

// PNG draws text dark on white at error level Low with a quiet zone of four
// modules. Low keeps WhatsApp's long codes coarse enough for a phone's camera.
// It fails when the text is too long for a QR code.
func PNG(text string) ([]byte, error) {
	code, err := qrcode.New(text, qrcode.Low)
	if err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	return code.PNG(-module)
}

// DataURL is PNG as a data URL.
func DataURL(text string) (string, error) {
	png, err := PNG(text)
	if err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(png), nil
}
