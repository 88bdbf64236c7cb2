package wastore

import (
	"context"
	"errors"
	"fmt"

	wmstore "go.mau.fi/whatsmeow/store"
)

// ErrDeviceGone is the answer to every write for a device that is not, or no
// longer, in the file. It also reads as store.ErrDeviceDeleted and as
// context.Canceled: the engine then neither acknowledges a message nor asks for
// it again.
var ErrDeviceGone error = goneError{}

var (
	// ErrNoDevice says that the file holds no device with that JID.
	ErrNoDevice = errors.New("no such device")
	// ErrNotFound says that no outgoing event has that chat and id.
	ErrNotFound = errors.New("no such outgoing event")
	// ErrDeviceIDMustBeSet says that a device was saved or deleted before its
	// JID was known.
	ErrDeviceIDMustBeSet = errors.New("device JID must be known before accessing the data file")
	// ErrInvalid says that a value breaks a rule of its record, such as the
	// length of a key. It is the caller's mistake, so it does not read as
	// context.Canceled: the same value would fail at every redelivery.
	ErrInvalid = errors.New("invalid value")
	// ErrClosed says that the container was closed.
	ErrClosed = errors.New("store is closed")
)

var (
	errRecord    = errors.New("damaged record")
	errDuplicate = errors.New("row exists already")
	errBusy      = errors.New("waited too long for another call")
	errFinished  = errors.New("transaction is finished")
)

type goneError struct{}

func (goneError) Error() string { return "device was deleted" }

func (goneError) Is(target error) bool {
	return target == wmstore.ErrDeviceDeleted || target == context.Canceled
}

// storeError is every failure of this package that is not the caller's
// mistake. The engine acknowledges and so loses a message whose decryption
// ended in an ordinary store error; an error that reads as context.Canceled
// makes it leave the message with the server.
type storeError struct {
	op  string
	err error
}

func (e *storeError) Error() string { return "wastore: " + e.op + ": " + e.err.Error() }

func (e *storeError) Unwrap() error { return e.err }

func (e *storeError) Is(target error) bool { return target == context.Canceled }

// fail names the method an error came from and makes it a storeError, unless
// it is an answer or a caller's mistake.
func fail(op string, err error) error {
	if err == nil {
		return nil
	}
	for _, plain := range []error{ErrInvalid, ErrNotFound, ErrNoDevice, ErrDeviceIDMustBeSet} {
		if errors.Is(err, plain) {
			return fmt.Errorf("wastore: %s: %w", op, err)
		}
	}
	if own := (*storeError)(nil); errors.As(err, &own) {
		return err
	}
	return &storeError{op: op, err: err}
}

// guard is deferred first in every method the engine calls. A panic in there
// would be taken for a handled message, so it becomes an error like all others.
func guard(op string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
	}
	*err = fail(op, *err)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
