package wasim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// Phone is an account with its main device: what somebody holds in their hand.
// It is always online. All methods are safe for concurrent use.
type Phone struct {
	s       *Server
	number  string
	pn, lid types.JID
	rawID   uint32 // of the account, in device identities
	created time.Time

	// sendMu keeps the order of this phone's messages. It may be taken before
	// sigMu, stateMu and Server.mu, never after them.
	sendMu sync.Mutex
	sent   map[string]sentMessage // guarded by sendMu; for devices that ask again
	// senderKeys describes the phone's own keys, by group. Guarded by sendMu.
	senderKeys map[string]*senderKey

	sigMu sync.Mutex // guards the Signal store; may not be held while taking another phone's
	vault *vault
	sig   *store.Device // adapter that makes vault a Signal protocol store

	stateMu sync.Mutex // guards the application state
	state   *stateStore
	proc    *appstate.Processor

	// Guarded by Server.mu.
	name       string
	devices    map[uint16]*device
	nextDevice uint16
	inbox      []Received
	copies     []Received
	receipts   []Receipt
	failures   int
	retries    map[string]int        // times this phone has asked again, by message id
	refused    map[[32]byte][32]byte // secrets refused, by Noise key; nil unless DemandRefresh
	// refreshChild is what DemandRefresh sends.
	refreshChild RefreshChild
	passkey      *passkey // nil unless RequirePasskey
	spoil        Spoil
	lock         timeLock
	knows        map[string]bool   // accounts with a chat, by LID user
	given        map[string][]byte // tokens others have given it, by their LID user
	issued       []IssuedToken
	holds        bool // delivery receipts are held back
	presence     presence
	chatStates   []ChatState
	kept         map[string]*waE2E.Message   // received, by id
	past         map[string][]HistoryMessage // by chat, oldest first
	picture      picture
	onLink       []HistoryOptions // for companions that link later
}

// sentMessage is what a phone remembers of a message it sent.
type sentMessage struct {
	to    *Phone
	group *Group // instead of to
	msg   *waE2E.Message
}

// Received is a message that a phone has received and decrypted.
type Received struct {
	ID    string    `json:"id"`             // message id
	From  types.JID `json:"from"`           // number and device of the sender
	To    types.JID `json:"to"`             // number of the recipient
	Group types.JID `json:"group,omitzero"` // empty in chats of two
	Text  string    `json:"text"`           // empty for messages that are not text
	Kind  string    `json:"kind"`           // "text", or the name of the protobuf field of other messages
	Time  time.Time `json:"time"`           // when it arrived
}

// Receipt is a receipt that a phone got for one of its messages.
type Receipt struct {
	ID   string    // message id
	From types.JID // number and device that sent the receipt
	Type string    // "" delivered, "inactive" delivered in the background, "read", "played"
}

// NewPhone adds an account with its main device. number is digits only, in
// international form without "+"; characters other than digits are dropped. An
// account that exists already is returned as it is.
func (s *Server) NewPhone(number, pushName string) *Phone {
	number = digits(number)
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.phones[number]; p != nil {
		return p
	}
	p := newPhone(s, number, pushName)
	s.phones[number] = p
	s.byLID[p.lid.User] = p
	s.announce()
	return p
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

func newPhone(s *Server, number, pushName string) *Phone {
	// A LID tells nothing about the number and stays the same for it.
	sum := sha256.Sum256([]byte("wasim lid " + number))
	lid := 100_000_000_000_000 + binary.BigEndian.Uint64(sum[:8])%100_000_000_000_000
	identity := keys.NewKeyPair()
	p := &Phone{
		s: s, number: number, name: pushName, created: time.Now(),
		pn:    types.NewJID(number, types.DefaultUserServer),
		lid:   types.NewJID(strconv.FormatUint(lid, 10), types.HiddenUserServer),
		rawID: binary.BigEndian.Uint32(sum[8:12]),
		sent:  map[string]sentMessage{}, devices: map[uint16]*device{}, retries: map[string]int{},
		senderKeys: map[string]*senderKey{}, kept: map[string]*waE2E.Message{}, past: map[string][]HistoryMessage{}, knows: map[string]bool{}, given: map[string][]byte{},
		vault: newVault(), state: newStateStore(sum[:]),
	}
	p.sig = &store.Device{
		Log: waLog.Noop, IdentityKey: identity, SignedPreKey: identity.CreateSignedPreKey(1),
		// The account's identity key is also the phone's Signal identity: the
		// client files it for device 0 of its own LID while linking.
		RegistrationID: binary.BigEndian.Uint32(sum[12:16])&0x3fff | 1,
		Identities:     p.vault, Sessions: p.vault, PreKeys: p.vault, SenderKeys: p.vault, AppState: p.state, AppStateKeys: p.state,
	}
	p.proc = appstate.NewProcessor(p.sig, waLog.Noop)
	return p
}

// Phone returns the account with that number, nil when there is none.
func (s *Server) Phone(number string) *Phone {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phones[digits(number)]
}

// Phones returns all accounts, by number.
func (s *Server) Phones() []*Phone {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*Phone, 0, len(s.phones))
	for _, p := range s.phones {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *Phone) int { return strings.Compare(a.number, b.number) })
	return out
}

// Number returns the phone number, digits only.
func (p *Phone) Number() string { return p.number }

// JID returns the address of the account, its number.
func (p *Phone) JID() types.JID { return p.pn }

// LID returns the hidden address of the account.
func (p *Phone) LID() types.JID { return p.lid }

// Name returns the push name.
func (p *Phone) Name() string {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.name
}

// Devices returns the linked companions, oldest first.
func (p *Phone) Devices() []types.JID {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var out []types.JID
	for _, id := range p.deviceIDs()[1:] {
		out = append(out, p.devices[id].pn())
	}
	return out
}

// DeviceInfos describes the linked companions, oldest first.
func (p *Phone) DeviceInfos() []DeviceInfo {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var out []DeviceInfo
	for _, id := range p.deviceIDs()[1:] {
		out = append(out, p.devices[id].info())
	}
	return out
}

// WaitDevices waits until the phone has exactly n linked companions.
func (p *Phone) WaitDevices(ctx context.Context, n int) error {
	return p.s.until(ctx, func() (bool, error) { return len(p.devices) == n, nil })
}

// RemoveDevice unlinks a companion, as the list of linked devices on the phone
// does. An online companion is told at once (stream error 401, device_removed)
// and the call returns when its connection has ended; an offline one learns it
// at its next login (failure 401). The error is [ErrUnknownDevice] when this
// phone has no such companion.
func (p *Phone) RemoveDevice(ctx context.Context, device types.JID) error {
	p.s.mu.Lock()
	d := p.devices[device.Device]
	if d == nil || !d.is(device) {
		p.s.mu.Unlock()
		return ErrUnknownDevice
	}
	c := d.conn
	p.s.unlink(d)
	p.s.mu.Unlock()
	if c == nil {
		return nil
	}
	c.sendLast(streamConflict("device_removed", "401"))
	select {
	case <-c.ctx.Done():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the device to hang up: %w", ctx.Err())
	}
}

// Inbox returns the messages this phone has received from other accounts.
func (p *Phone) Inbox() []Received {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return slices.Clone(p.inbox)
}

// WaitInbox waits until the phone has received n messages and returns all it has.
func (p *Phone) WaitInbox(ctx context.Context, n int) ([]Received, error) {
	err := p.s.until(ctx, func() (bool, error) { return len(p.inbox) >= n, nil })
	return p.Inbox(), err
}

// Copies returns this phone's copies of what its own companions have sent.
func (p *Phone) Copies() []Received {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return slices.Clone(p.copies)
}

// WaitCopies waits until the phone has n copies and returns all it has.
func (p *Phone) WaitCopies(ctx context.Context, n int) ([]Received, error) {
	err := p.s.until(ctx, func() (bool, error) { return len(p.copies) >= n, nil })
	return p.Copies(), err
}

// Receipts returns the receipts for this phone's messages, oldest first.
func (p *Phone) Receipts() []Receipt {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return slices.Clone(p.receipts)
}

// WaitReceipts waits until the phone has got n receipts and returns all it has.
func (p *Phone) WaitReceipts(ctx context.Context, n int) ([]Receipt, error) {
	err := p.s.until(ctx, func() (bool, error) { return len(p.receipts) >= n, nil })
	return p.Receipts(), err
}

// Failures returns how many messages this phone could not decrypt.
func (p *Phone) Failures() int {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.failures
}
