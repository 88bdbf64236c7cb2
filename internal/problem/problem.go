// Package problem defines the only errors whose text reaches people. Each has
// a kind, which every door maps to its own status and shape, and a catalogue
// key, which the door translates. All other errors are internal: people see a
// request id, the log sees the chain.
package problem

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of refusal an Error is.
type Kind string

// The kinds. Internal is what KindOf answers for an error that is no Error.
const (
	Invalid      Kind = "invalid"
	Unauthorized Kind = "unauthorized"
	Forbidden    Kind = "forbidden"
	NotFound     Kind = "not_found"
	Conflict     Kind = "conflict"
	NotConnected Kind = "not_connected"
	TooLarge     Kind = "too_large"
	TooMany      Kind = "too_many"
	Unavailable  Kind = "unavailable"
	Storage      Kind = "storage" // the disk is full or failing
	Internal     Kind = "internal"
)

// Text is a catalogue key with the values of its placeholders.
type Text struct {
	Key  string
	Args []any // name, value, name, value, …
}

// Field is what is wrong with one named input.
type Field struct {
	Name string // as the form or the API spells it
	Text Text   // what is allowed
}

// Error is a refusal that a person or a program can act on.
type Error struct {
	Kind       Kind
	Text       Text
	Fields     []Field       // only with Invalid and Conflict
	RetryAfter time.Duration // only with TooMany and Unavailable; 0 means unknown
	Err        error         // the cause, for the log alone; may be nil
}

// Error describes the refusal for the log.
func (e *Error) Error() string {
	msg := string(e.Kind) + ": " + e.Text.Key
	for _, f := range e.Fields {
		msg += fmt.Sprintf(" [%s: %s]", f.Name, f.Text.Key)
	}
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an Error of a kind with a catalogue key and its placeholder
// values: name, value, name, value.
func New(kind Kind, key string, args ...any) *Error {
	return &Error{Kind: kind, Text: Text{Key: key, Args: args}}
}

// Wrap is New with a cause for the log.
func Wrap(err error, kind Kind, key string, args ...any) *Error {
	e := New(kind, key, args...)
	e.Err = err
	return e
}

// InvalidField makes an Invalid error for one named field.
func InvalidField(name, key string, args ...any) *Error {
	return WithFields(Invalid, Field{Name: name, Text: Text{Key: key, Args: args}})
}

// WithFields makes an error that names fields; its own text is the general one
// of its kind, "error.<kind>".
func WithFields(kind Kind, fields ...Field) *Error {
	return &Error{Kind: kind, Text: Text{Key: "error." + string(kind)}, Fields: fields}
}

// As finds the Error in a chain; nil when there is none.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// KindOf gives the kind of the Error in a chain, Internal when there is none,
// and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e := As(err); e != nil {
		return e.Kind
	}
	return Internal
}
