package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // sizes of pictures
	_ "image/jpeg" // the same
	_ "image/png"  // the same
	"io"
	"os"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// File is a file on disk, gone once it is closed. It may be written over.
type File struct {
	*os.File
	Size    int64
	Name    string // cleaned; "" when none is known
	MIME    string // what its bytes say
	Seconds uint32 // how long it plays; of Ogg Opus alone, otherwise 0
	Width   uint32 // of JPEG, PNG and GIF alone, otherwise 0
	Height  uint32

	desk *Desk
	once sync.Once
}

// Close removes the file. It may be called twice.
func (f *File) Close() error {
	f.once.Do(func() {
		f.remove()
		<-f.desk.places
	})
	return nil
}

// remove takes the file off the disk, without giving up its place. What cannot
// be removed is found at the next start.
func (f *File) remove() {
	_ = f.File.Close()
	_ = os.Remove(f.File.Name())
}

// What is read of a file to find out about it.
const (
	headSize = 4 << 10
	tailSize = 128 << 10 // an Ogg page has at most 64 KiB
)

// inspect fills in what the bytes of the file say of it, and goes back to its
// start.
func (f *File) inspect() error {
	head := make([]byte, headSize)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", errDisk, err)
	}
	f.MIME = sniff(head[:n], f.Name)
	if f.MIME == MIMEOpus {
		f.Seconds = f.oggSeconds()
	}
	if strings.HasPrefix(f.MIME, "image/") {
		if c, _, err := image.DecodeConfig(io.NewSectionReader(f.File, 0, f.Size)); err == nil && c.Width > 0 && c.Height > 0 {
			f.Width, f.Height = uint32(c.Width), uint32(c.Height)
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("%w: %w", errDisk, err)
	}
	return nil
}

// oggSeconds reads the length off the last page of an Ogg Opus file: its
// granule position counts samples of 48 kHz (RFC 7845, section 4).
func (f *File) oggSeconds() uint32 {
	tail := make([]byte, min(f.Size, tailSize))
	if _, err := f.ReadAt(tail, f.Size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0
	}
	at := bytes.LastIndex(tail, []byte("OggS"))
	if at < 0 || len(tail) < at+14 {
		return 0
	}
	const rate, longest = 48000, 24 * 3600
	seconds := (binary.LittleEndian.Uint64(tail[at+6:]) + rate - 1) / rate
	if seconds > longest {
		return 0
	}
	return uint32(seconds)
}

// maxName is how many characters a file name may have.
const maxName = 120

// CleanName makes a name that is safe to show and to save under: the last part
// of a path, without characters that cannot be seen or that change the
// direction of writing. The end of it is kept when it is too long, because it
// says what kind of file it is.
func CleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(`<>:"|?*`, r) {
			return -1
		}
		return r
	}, name)
	name = strings.Trim(name, " .")
	if over := utf8.RuneCountInString(name) - maxName; over > 0 {
		name = string([]rune(name)[over:])
	}
	return name
}
