package media

import (
	"bytes"
	"net/http"
	"path"
	"strings"
)

// MIMEOpus is the type of recorded speech.
const MIMEOpus = "audio/ogg; codecs=opus"

// sniff says what a file is. The bytes decide; for documents, which are often
// archives or text underneath, the end of the name may say it more exactly.
func sniff(head []byte, name string) string {
	if t := sniffSound(head); t != "" {
		return t
	}
	t, _, _ := strings.Cut(http.DetectContentType(head), ";")
	switch t {
	case "application/octet-stream", "application/zip", "text/plain", "text/xml":
		if named, ok := documents()[strings.ToLower(path.Ext(name))]; ok {
			return named
		}
	}
	return t
}

// sniffSound tells the kinds of sound and film that the standard library does
// not know, or takes for another.
func sniffSound(head []byte) string {
	at := func(from int, text string) bool {
		return len(head) >= from+len(text) && string(head[from:from+len(text)]) == text
	}
	switch {
	case at(0, "OggS"):
		if bytes.Contains(head[:min(len(head), 512)], []byte("OpusHead")) {
			return MIMEOpus
		}
		return "audio/ogg"
	case at(4, "ftypM4A"), at(4, "ftypM4B"):
		return "audio/mp4"
	case at(4, "ftyp3g"):
		return "video/3gpp"
	case at(4, "ftypqt"):
		return "video/quicktime"
	case at(4, "ftypiso"), at(4, "ftypmp4"), at(4, "ftypavc"), at(4, "ftypM4V"), at(4, "ftypMSNV"), at(4, "ftypdash"):
		return "video/mp4"
	case at(0, "#!AMR"):
		return "audio/amr"
	case len(head) > 1 && head[0] == 0xFF && head[1]&0xF6 == 0xF0: // ADTS
		return "audio/aac"
	case len(head) > 1 && head[0] == 0xFF && head[1]&0xE6 == 0xE2: // MPEG, layer 3
		return "audio/mpeg"
	}
	return ""
}

// documents are the types of documents by the end of their names.
func documents() map[string]string {
	const office = "application/vnd.openxmlformats-officedocument."
	return map[string]string{
		".docx": office + "wordprocessingml.document", ".xlsx": office + "spreadsheetml.sheet",
		".pptx": office + "presentationml.presentation", ".doc": "application/msword", ".xls": "application/vnd.ms-excel",
		".ppt": "application/vnd.ms-powerpoint", ".odt": "application/vnd.oasis.opendocument.text",
		".ods": "application/vnd.oasis.opendocument.spreadsheet", ".csv": "text/csv", ".json": "application/json",
		".xml": "application/xml", ".vcf": "text/vcard", ".ics": "text/calendar", ".epub": "application/epub+zip",
	}
}
