package whatsapp

import (
	"context"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"pombal/internal/event"
)

// noticeLife is how long a history may wait: WhatsApp's servers keep media no
// longer.
const noticeLife = 14 * 24 * time.Hour

// historyNotice finds the notice of a history in a message. The phone alone has
// one to give.
func historyNotice(e *events.Message) *waE2E.HistorySyncNotification {
	if !e.Info.IsFromMe || e.Info.Sender.Device != 0 {
		return nil
	}
	return e.Message.GetProtocolMessage().GetHistorySyncNotification()
}

// keepNotice stores a notice before its message is acknowledged, so that a
// restart goes on with it. It makes no event.
func (s *session) keepNotice(id string, at *waE2E.HistorySyncNotification) ([]event.Draft, error) {
	raw, err := proto.Marshal(at)
	if err != nil {
		return nil, fmt.Errorf("keep the notice of a history: %w", err)
	}
	d := s.draft(event.MessagesSet)
	d.Look = func(x event.Index) ([]event.Payload, error) {
		return nil, x.PutNotice(event.Notice{ID: id, At: d.At, Raw: raw})
	}
	return []event.Draft{d}, nil
}

// dropNotice forgets a history that is done with.
func (s *session) dropNotice(id string) {
	d := s.draft(event.MessagesSet)
	d.Look = func(x event.Index) ([]event.Payload, error) { return nil, x.DropNotice(id) }
	if err := s.params.Sink.Record(context.Background(), d); err != nil {
		s.log().Error("forget a history that is done with", "error", err)
	}
}

// resumeHistories goes on with what an earlier process or connection left.
func (s *session) resumeHistories() {
	s.bg.run(func(ctx context.Context) {
		list, err := s.params.Sink.Notices(ctx)
		if err != nil {
			s.log().Error("read the histories to take in", "error", err)
			return
		}
		for _, n := range list {
			var at waE2E.HistorySyncNotification
			if err := proto.Unmarshal(n.Raw, &at); err != nil || s.engine.cfg.Now().Sub(n.At) > noticeLife {
				s.dropNotice(n.ID)
				continue
			}
			s.expectHistory(notice{id: n.ID, at: &at})
		}
	})
}

// observeMessage looks for what a message means for the session itself.
func (s *session) observeMessage(e *events.Message) {
	if at := historyNotice(e); at != nil {
		s.expectHistory(notice{id: e.Info.ID, at: at})
		return
	}
	if !e.Info.IsGroup && e.Info.Category != "peer" {
		s.follow(e.Info.Chat)
	}
}
