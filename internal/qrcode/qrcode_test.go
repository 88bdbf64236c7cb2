package qrcode_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	zxing "github.com/makiuchi-d/gozxing/qrcode"

	"pombal/internal/qrcode"
)

// pairing has the length and the letters of a pairing text.
func pairing() string {
	const head = "https://wa.me/settings/linked_devices#2@"
	const letters = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/=,"
	return head + strings.Repeat(letters, 6)[:277-len(head)]
}

func draw(t *testing.T, text string) image.Image {
	t.Helper()
	raw, err := qrcode.PNG(text)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func read(t *testing.T, img image.Image) string {
	t.Helper()
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	result, err := zxing.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		t.Fatalf("decode picture of %v: %v", img.Bounds(), err)
	}
	return result.GetText()
}

// scale is what a browser does with a picture in a smaller box: each pixel is
// the mean of those it covers.
func scale(img image.Image, side int) image.Image {
	small := image.NewGray(image.Rect(0, 0, side, side))
	from := img.Bounds().Dx()
	for y := range side {
		for x := range side {
			sum, n := 0, 0
			for sy := y * from / side; sy < (y+1)*from/side; sy++ {
				for sx := x * from / side; sx < (x+1)*from/side; sx++ {
					sum += int(color.GrayModel.Convert(img.At(sx, sy)).(color.Gray).Y)
					n++
				}
			}
			small.SetGray(x, y, color.Gray{Y: uint8(sum / n)})
		}
	}
	return small
}

func TestPicturesCanBeRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{pairing(), "x", "olá, mundo"} {
		img := draw(t, text)
		if got := read(t, img); got != text {
			t.Errorf("full size: got %q, want %q", got, text)
		}
		if img.Bounds().Dx() <= 260 {
			continue
		}
		if got := read(t, scale(img, 260)); got != text {
			t.Errorf("260 px: got %q, want %q", got, text)
		}
	}
}

func TestPictureHasItsQuietZone(t *testing.T) {
	t.Parallel()
	img := draw(t, pairing())
	side := img.Bounds().Dx()
	const zone = 4 * 8
	if side%8 != 0 || side != img.Bounds().Dy() {
		t.Errorf("size: got %v, want a square of whole modules", img.Bounds())
	}
	for y := range side {
		for x := range side {
			inside := x >= zone && x < side-zone && y >= zone && y < side-zone
			if r, _, _, _ := img.At(x, y).RGBA(); !inside && r != 0xffff {
				t.Fatalf("pixel %d,%d of the quiet zone is not white", x, y)
			}
		}
	}
	if r, _, _, _ := img.At(zone, zone).RGBA(); r != 0 {
		t.Error("the first module is not where it should be")
	}
}

func TestDataURL(t *testing.T) {
	t.Parallel()
	url, err := qrcode.DataURL("x")
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := strings.CutPrefix(url, "data:image/png;base64,")
	if !ok {
		t.Fatalf("url: got %.40q", url)
	}
	got, err := base64.StdEncoding.DecodeString(raw)
	if err != nil {
		t.Fatal(err)
	}
	want, err := qrcode.PNG("x")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("picture differs from PNG's (%v)", err)
	}
}

func TestTextThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", strings.Repeat("x", 3000)} {
		if _, err := qrcode.PNG(text); err == nil {
			t.Errorf("%d characters: no error", len(text))
		}
		if _, err := qrcode.DataURL(text); err == nil {
			t.Errorf("%d characters: no error of DataURL", len(text))
		}
	}
}

func BenchmarkPNG(b *testing.B) {
	for b.Loop() {
		if _, err := qrcode.PNG(pairing()); err != nil {
			b.Fatal(err)
		}
	}
}
