package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// versionJSON is the first byte of every value that is JSON. Fields that a
// reader does not know are ignored, so adding one needs no other version.
const versionJSON = 0x01

var errUnknownVersion = errors.New("stored value has an unknown version")

// encode makes the stored form of a value.
func encode(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return append([]byte{versionJSON}, raw...), nil
}

// decode reads a stored value. Nothing in the result points into raw.
func decode[T any](raw []byte) (T, error) {
	var v T
	if len(raw) == 0 || raw[0] != versionJSON {
		return v, fmt.Errorf("decode %T: %w", v, errUnknownVersion)
	}
	if err := json.Unmarshal(raw[1:], &v); err != nil {
		return v, fmt.Errorf("decode %T: %w", v, err)
	}
	return v, nil
}

// load reads the value at key; ok is false when there is none.
func load[T any](b *bbolt.Bucket, key []byte) (v T, ok bool, err error) {
	raw := b.Get(key)
	if raw == nil {
		return v, false, nil
	}
	v, err = decode[T](raw)
	return v, err == nil, err
}

// save writes v at key. It returns errUnchanged when just that is there
// already.
func save(b *bbolt.Bucket, key []byte, v any) error {
	raw, err := encode(v)
	if err != nil {
		return err
	}
	if bytes.Equal(raw, b.Get(key)) {
		return errUnchanged
	}
	return b.Put(key, raw)
}

// same says whether two values would be stored alike.
func same(a, b any) bool {
	first, err := encode(a)
	if err != nil {
		return false
	}
	second, err := encode(b)
	return err == nil && bytes.Equal(first, second)
}

// all reads the values whose keys start with prefix, in the order of keys; nil
// means the whole bucket.
func all[T any](b *bbolt.Bucket, prefix []byte) ([]T, error) {
	var list []T
	c := b.Cursor()
	for k, raw := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, raw = c.Next() {
		v, err := decode[T](raw)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// newest reads at most limit values whose keys start with prefix, from the
// last key backwards.
func newest[T any](b *bbolt.Bucket, prefix []byte, limit int) ([]T, error) {
	var list []T
	c := b.Cursor()
	for k, raw := seekLast(c, prefix); k != nil && len(list) < limit && bytes.HasPrefix(k, prefix); k, raw = c.Prev() {
		v, err := decode[T](raw)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// seekLast moves to the last key that starts with prefix, or to some other key
// before it when there is none. An empty prefix means the whole bucket.
func seekLast(c *bbolt.Cursor, prefix []byte) (key, value []byte) {
	after := successor(prefix)
	if after == nil {
		return c.Last()
	}
	if k, _ := c.Seek(after); k == nil {
		return c.Last()
	}
	return c.Prev()
}

// successor is the smallest key after all those that start with prefix; nil
// when there is none.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			next := bytes.Clone(prefix[:i+1])
			next[i]++
			return next
		}
	}
	return nil
}

// removePrefix deletes at most limit keys that start with prefix and says how
// many those were.
func removePrefix(b *bbolt.Bucket, prefix []byte, limit int) (int, error) {
	c := b.Cursor()
	n := 0
	// Seek again after each deletion: bbolt's cursor may skip a key when it
	// goes on after Delete.
	for k, _ := c.Seek(prefix); k != nil && n < limit && bytes.HasPrefix(k, prefix); k, _ = c.Seek(prefix) {
		if err := c.Delete(); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func countPrefix(b *bbolt.Bucket, prefix []byte) int {
	n := 0
	c := b.Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		n++
	}
	return n
}
