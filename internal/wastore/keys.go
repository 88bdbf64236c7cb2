package wastore

import (
	"encoding/binary"
	"strings"
	"time"
)

// Names of the buckets. All but the device and LID buckets have keys that
// start with the device's four-byte number; retry, secret and event buckets
// hold one sub-bucket per day or month.
const (
	bucketDevice   = "wa.dev"
	bucketGone     = "wa.gone"
	bucketSession  = "wa.sess"
	bucketIdentity = "wa.ident"
	bucketSender   = "wa.skey"
	bucketPreKey   = "wa.pkey"
	bucketSyncKey  = "wa.akey"
	bucketVersion  = "wa.aver"
	bucketMAC      = "wa.amac"
	bucketContact  = "wa.cont"
	bucketChat     = "wa.chat"
	bucketToken    = "wa.ptok"
	bucketSalt     = "wa.nct"
	bucketOutgoing = "wa.retry"
	bucketSecret   = "wa.sec"
	bucketBuffer   = "wa.evb"
	bucketLID      = "wa.lid"
)

// flatBuckets and partedBuckets list what belongs to devices, in the order the
// sweep clears it: key material first.
func flatBuckets() []string {
	return []string{
		bucketSession, bucketIdentity, bucketSender, bucketPreKey, bucketSyncKey, bucketVersion,
		bucketMAC, bucketContact, bucketChat, bucketToken, bucketSalt,
	}
}

func partedBuckets() []string {
	return []string{bucketBuffer, bucketOutgoing, bucketSecret}
}

func allBuckets() []string {
	return append(append(flatBuckets(), partedBuckets()...), bucketDevice, bucketGone, bucketLID)
}

// table is where a row lies: a bucket, or one part (day, month) of it.
type table struct {
	bucket string
	part   string
}

func flat(bucket string) table { return table{bucket: bucket} }

// numberKey is the prefix of all rows of a device.
func numberKey(number uint32) []byte {
	return binary.BigEndian.AppendUint32(make([]byte, 0, 64), number)
}

// sideKey is the key, within the device bucket, of the record that outlives a
// rewrite of the device row. No JID starts with a zero byte.
func sideKey(number uint32) []byte {
	return append([]byte{0}, numberKey(number)...)
}

// join appends strings with a zero byte between them, so that no string can be
// taken for the beginning of another.
func join(parts ...string) []byte {
	size := len(parts)
	for _, p := range parts {
		size += len(p)
	}
	key := make([]byte, 0, size)
	for i, p := range parts {
		if i > 0 {
			key = append(key, 0)
		}
		key = appendEscaped(key, p)
	}
	return key
}

// appendEscaped keeps zero bytes out of a key part. Ids come from other people,
// who could otherwise write one key as another. Ordinary text stays as it is,
// and a prefix stays a prefix.
func appendEscaped(key []byte, s string) []byte {
	if !strings.ContainsAny(s, "\x00\x01") {
		return append(key, s...)
	}
	for i := range len(s) {
		switch s[i] {
		case 0:
			key = append(key, 1, 1)
		case 1:
			key = append(key, 1, 2)
		default:
			key = append(key, s[i])
		}
	}
	return key
}

func dayOf(t time.Time) string { return t.UTC().Format("20060102") }

func monthOf(t time.Time) string { return t.UTC().Format("200601") }
