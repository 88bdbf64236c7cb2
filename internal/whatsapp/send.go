package whatsapp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/problem"
)

// Writing down a message that is out is tried again: nobody can take it back.
const (
	recordTries = 3
	recordPause = 200 * time.Millisecond
)

// Send sends a message; see instance.Session.
func (s *session) Send(ctx context.Context, p instance.SendParams) (instance.SendResult, error) {
	to, err := s.recipient(ctx, p.To)
	if err != nil {
		return instance.SendResult{}, err
	}
	id := p.ID
	if id == "" {
		if id, err = newMessageID(); err != nil {
			return instance.SendResult{}, err
		}
	}
	msg, err := s.outgoingMessage(p, to)
	if err != nil {
		return instance.SendResult{}, err
	}
	done := s.outgoing.begin(id)
	defer done()
	resp, err := s.sendMessage(ctx, to, msg, whatsmeow.SendRequestExtra{ID: id})
	if err != nil {
		return instance.SendResult{}, s.sendError(err)
	}
	sent, err := s.sentData(p, to, msg, resp)
	if err != nil {
		s.log().Error("tell of a message that is out", "message", id, "error", err)
		return instance.SendResult{}, err
	}
	s.recordSent(sent, to)
	s.follow(to)
	return instance.SendResult{Data: sent}, nil
}

// recipient makes WhatsApp's address of p.To. A number that the engine has not
// met is looked up: in Brazil and elsewhere an account may live under a number
// written in another way.
func (s *session) recipient(ctx context.Context, to string) (types.JID, error) {
	jid, err := types.ParseJID(to)
	if err != nil {
		return types.EmptyJID, fmt.Errorf("recipient: %w", err)
	}
	if jid.Server != types.DefaultUserServer || s.party(jid).LID != "" {
		return jid, nil
	}
	answers, err := s.client.IsOnWhatsApp(ctx, []string{"+" + jid.User})
	if err != nil {
		return types.EmptyJID, s.lookupError(err)
	}
	return pickRecipient(answers)
}

// pickRecipient takes the address WhatsApp gives for a number, its own number
// first.
func pickRecipient(answers []types.IsOnWhatsAppResponse) (types.JID, error) {
	for _, a := range answers {
		if !a.IsIn {
			continue
		}
		if !a.PhoneNumber.IsEmpty() {
			return plain(a.PhoneNumber), nil
		}
		if !a.JID.IsEmpty() {
			return plain(a.JID), nil
		}
	}
	return types.EmptyJID, instance.ErrNotOnWhatsApp
}

// newMessageID makes an id as WhatsApp Web does. The library's own way reads
// its device without a lock.
func newMessageID() (string, error) {
	raw := make([]byte, 9)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("make a message id: %w", err)
	}
	return whatsmeow.WebMessageIDPrefix + strings.ToUpper(hex.EncodeToString(raw)), nil
}

func (s *session) sentData(p instance.SendParams, to types.JID, msg *waE2E.Message, resp whatsmeow.SendResponse) (event.SentData, error) {
	id, err := event.NewID()
	if err != nil {
		return event.SentData{}, err
	}
	kind, content, err := messageContent(shown(msg))
	if err != nil {
		return event.SentData{}, err
	}
	chat := s.party(to)
	data := event.MessageData{
		MessageID: id, KeyID: resp.ID, KeyFromMe: true, KeyRemoteJID: chat.Address(), KeyRemoteLID: chat.LID,
		ContentType: kind, Content: content, Source: "api", MessageTimestamp: resp.Timestamp.Unix(),
		IsGroup: to.Server == types.GroupServer, CreatedAt: event.WireTime(s.engine.cfg.Now()),
	}
	if name := s.name.Load(); name != nil {
		data.PushName = *name
	}
	if data.IsGroup {
		own := s.me()
		address := own.Address()
		data.KeyParticipant, data.KeyParticipantLID = &address, own.LID
	}
	return event.SentData{
		MessageData: data, InstanceInstanceID: s.params.InstanceID, ExternalAttributes: p.ExternalAttributes,
	}, nil
}

// recordSent writes what a sent message means in one commit: send.message,
// messages.upsert with the same ids, the first messages.update, and its chat.
func (s *session) recordSent(sent event.SentData, to types.JID) {
	statusID, err := event.NewID()
	if err != nil {
		s.log().Error("tell of a message that is out", "message", sent.KeyID, "error", err)
		return
	}
	chat := s.party(to)
	d := s.draft(event.MessagesUpsert)
	d.Key = fmt.Sprintf("%s|api|%s", chat.Address(), sent.KeyID)
	d.Look = func(x event.Index) ([]event.Payload, error) {
		noted, err := noteMessage(x, sent.MessageData, chat, d.At)
		if err != nil {
			return nil, err
		}
		return append(noted,
			event.Payload{Type: event.SendMessage, Data: sent},
			event.Payload{Type: event.MessagesUpdate, Data: event.StatusData{
				MessageStatusID: statusID, Status: statusServer, DateTime: event.WireTime(time.Unix(sent.MessageTimestamp, 0)),
				MessageMessageID: &sent.MessageID, KeyID: sent.KeyID, KeyRemoteJID: sent.KeyRemoteJID, KeyRemoteLID: sent.KeyRemoteLID,
			}}), nil
	}
	for try := range recordTries {
		if try > 0 {
			time.Sleep(recordPause)
		}
		if err = s.params.Sink.Record(context.Background(), d); err == nil {
			return
		}
	}
	s.log().Error("record a message that is out", "message", sent.KeyID, "error", err)
}

// sendError tells WhatsApp's refusals from not knowing.
func (s *session) sendError(err error) error {
	var cut *whatsmeow.DisconnectedError
	switch {
	case problem.KindOf(err) == problem.Storage: // nothing has left
		return err
	case errors.Is(err, whatsmeow.ErrServerReturnedError):
		refused := &instance.SendRefusedError{Code: refusalCode(err)}
		if until := s.reachout.Load(); until != nil {
			refused.Until = *until
		}
		return refused
	case errors.Is(err, whatsmeow.ErrMessageTimedOut), errors.As(err, &cut),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return instance.ErrSendUnknown
	default:
		return s.lookupError(err)
	}
}

// lookupError is for what failed before anything was sent.
func (s *session) lookupError(err error) error {
	if errors.Is(err, whatsmeow.ErrNotConnected) || errors.Is(err, whatsmeow.ErrNotLoggedIn) {
		return instance.ErrNotConnected
	}
	return err
}

// refusalCode reads WhatsApp's number off the library's text, which is the only
// place where it says it.
func refusalCode(err error) int {
	_, number, _ := strings.Cut(err.Error(), whatsmeow.ErrServerReturnedError.Error()+" ")
	code, _ := strconv.Atoi(number)
	return code
}

// observeLock remembers until when WhatsApp refuses messages to new people.
func (s *session) observeLock(e *events.NotifyAccountReachoutTimelock) {
	if !e.IsActive {
		s.reachout.Store(nil)
		return
	}
	until := e.TimeEnforcementEnds.Time
	s.reachout.Store(&until)
	s.log().Warn("WhatsApp refuses messages to new people", "kind", e.EnforcementType, "until", until)
}
