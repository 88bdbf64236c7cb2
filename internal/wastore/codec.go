package wastore

import (
	"encoding/binary"
	"fmt"
)

// recordVersion is the first byte of every value. It changes only when an old
// program could no longer read a record; fields may be appended without that,
// because a reader ignores what follows the fields it knows.
const recordVersion = 1

// record builds a value: the version byte, then fields, each a length plus one
// as varint and its bytes. Length 0 is a missing (null) field, which is not the
// same as an empty one.
type record []byte

func newRecord(size int) record {
	return append(make(record, 0, size+16), recordVersion)
}

func (r record) bytes(b []byte) record {
	if b == nil {
		return append(r, 0)
	}
	return append(binary.AppendUvarint(r, uint64(len(b))+1), b...)
}

func (r record) str(s string) record {
	return append(binary.AppendUvarint(r, uint64(len(s))+1), s...)
}

func (r record) int(v int64) record {
	var buf [binary.MaxVarintLen64]byte
	return r.bytes(buf[:binary.PutVarint(buf[:], v)])
}

func (r record) uint(v uint64) record {
	var buf [binary.MaxVarintLen64]byte
	return r.bytes(buf[:binary.PutUvarint(buf[:], v)])
}

func (r record) flag(v bool) record {
	if v {
		return r.uint(1)
	}
	return r.uint(0)
}

// fields reads a record field by field. The first error sticks and is looked
// at once, at the end. Missing trailing fields read as null.
type fields struct {
	rest []byte
	err  error
}

func parse(raw []byte) *fields {
	if len(raw) == 0 {
		return &fields{err: fmt.Errorf("%w: empty", errRecord)}
	}
	if raw[0] != recordVersion {
		return &fields{err: fmt.Errorf("%w: version %d", errRecord, raw[0])}
	}
	return &fields{rest: raw[1:]}
}

// next returns the next field without copying it.
func (f *fields) next() (field []byte, present bool) {
	if f.err != nil || len(f.rest) == 0 {
		return nil, false
	}
	size, n := binary.Uvarint(f.rest)
	if n <= 0 || size > uint64(len(f.rest)-n)+1 {
		f.err = fmt.Errorf("%w: field length", errRecord)
		return nil, false
	}
	if size == 0 {
		f.rest = f.rest[n:]
		return nil, false
	}
	end := n + int(size-1)
	field, f.rest = f.rest[n:end], f.rest[end:]
	return field, true
}

// bytes returns a copy of the next field: nil when it is null, never nil
// otherwise. The copy is needed since records are read in place from the file.
func (f *fields) bytes() []byte {
	field, present := f.next()
	if !present {
		return nil
	}
	return append(make([]byte, 0, len(field)), field...)
}

func (f *fields) str() string {
	field, _ := f.next()
	return string(field)
}

func (f *fields) int() int64 {
	v, _ := f.optInt()
	return v
}

func (f *fields) optInt() (v int64, present bool) {
	field, present := f.next()
	if !present {
		return 0, false
	}
	v, n := binary.Varint(field)
	if n != len(field) {
		f.err = fmt.Errorf("%w: number", errRecord)
		return 0, false
	}
	return v, true
}

func (f *fields) uint() uint64 {
	field, present := f.next()
	if !present {
		return 0
	}
	v, n := binary.Uvarint(field)
	if n != len(field) {
		f.err = fmt.Errorf("%w: number", errRecord)
		return 0
	}
	return v
}

func (f *fields) flag() bool { return f.uint() != 0 }

// exactly returns the next field, which must have that length.
func (f *fields) exactly(size int) []byte {
	field := f.bytes()
	if f.err == nil && len(field) != size {
		f.err = fmt.Errorf("%w: %d bytes where %d belong", errRecord, len(field), size)
	}
	if f.err != nil {
		return make([]byte, size)
	}
	return field
}

// blob and parseBlob are the record of a single field of bytes.
func blob(b []byte) []byte {
	return newRecord(len(b)).bytes(b)
}

func parseBlob(raw []byte) ([]byte, error) {
	f := parse(raw)
	b := f.bytes()
	return b, f.err
}
