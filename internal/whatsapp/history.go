package whatsapp

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"

	"pombal/internal/instance"
)

// Limits of histories. The library inflates and parses a whole blob in memory.
const (
	maxDecodes    = 2        // at a time, in the process
	maxInflated   = 64 << 20 // of one blob
	maxNotices    = 64       // waiting, for one session; phones send a dozen
	historyAnswer = 5 * time.Minute
)

// Why a history was refused.
var (
	errTooLarge = errors.New("the history is too large")
	errPacked   = errors.New("the history is not packed as it should be")
)

// past are the notices of histories that wait to be fetched.
type past struct {
	mu    sync.Mutex
	queue []notice
	known map[string]bool // in this session, by id
	busy  bool
}

// notice says where a history is.
type notice struct {
	id string // of the message that brought it
	at *waE2E.HistorySyncNotification
}

// expectHistory queues a history. They are fetched one after the other, so that
// chats come before what the phone sends later.
func (s *session) expectHistory(n notice) {
	p := &s.past
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[n.id] {
		return
	}
	if len(p.queue) >= maxNotices {
		s.log().Warn("put off a history: too many wait", "kind", n.at.GetSyncType().String())
		return // it is kept for the next connection
	}
	if p.known == nil {
		p.known = make(map[string]bool)
	}
	p.known[n.id] = true
	p.queue = append(p.queue, n)
	if p.busy {
		return
	}
	p.busy = true
	s.bg.run(func(ctx context.Context) {
		for {
			n, ok := s.past.next()
			if !ok {
				return
			}
			s.guarded("take in a history", func() { s.takeHistory(ctx, n) })
		}
	})
}

func (p *past) next() (notice, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.busy = false
		return notice{}, false
	}
	n := p.queue[0]
	p.queue = p.queue[1:]
	return n, true
}

// again lets a history that failed be taken up on the next connection.
func (p *past) again(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, id)
}

// takeHistory fetches a history when its turn has come, and tells of it.
func (s *session) takeHistory(ctx context.Context, n notice) {
	select {
	case s.engine.decodes <- struct{}{}:
		defer func() { <-s.engine.decodes }()
	case <-ctx.Done():
		return
	}
	ctx, cancel := context.WithTimeout(ctx, historyAnswer)
	defer cancel()
	kind := n.at.GetSyncType()
	if kind == waE2E.HistorySyncType_FULL && s.params.History != instance.HistoryFull {
		s.dropNotice(n.id)
		return
	}
	blob, err := s.fetchHistory(ctx, n.at)
	if err != nil {
		s.log().Error("take in a history", "kind", kind.String(), "chunk", n.at.GetChunkOrder(), "error", err)
		if hopeless(err) {
			s.dropNotice(n.id)
		} else {
			s.past.again(n.id)
		}
		return
	}
	if !s.tellHistory(ctx, n.id, blob) {
		s.past.again(n.id)
		return
	}
	s.dropNotice(n.id)
	if n.at.InitialHistBootstrapInlinePayload != nil {
		return
	}
	err = s.client.DeleteMedia(ctx, whatsmeow.MediaHistory, n.at.GetDirectPath(), n.at.GetFileEncSHA256(), n.at.GetEncHandle())
	if err != nil {
		s.log().Warn("delete a history from WhatsApp's server", "error", err)
	}
}

// hopeless says whether trying again would fail again.
func hopeless(err error) bool {
	for _, final := range []error{
		errTooLarge, errPacked, whatsmeow.ErrMediaDownloadFailedWith403, whatsmeow.ErrMediaDownloadFailedWith404,
		whatsmeow.ErrMediaDownloadFailedWith410, whatsmeow.ErrInvalidMediaSHA256, whatsmeow.ErrInvalidMediaEncSHA256,
		whatsmeow.ErrInvalidMediaHMAC, whatsmeow.ErrNoURLPresent, whatsmeow.ErrTooShortFile,
	} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// fetchHistory downloads a history and has the library parse it and keep what
// it needs of it itself. How large it gets is found out first, in a few
// kilobytes of memory.
func (s *session) fetchHistory(ctx context.Context, at *waE2E.HistorySyncNotification) (*waHistorySync.HistorySync, error) {
	packed := at.GetInitialHistBootstrapInlinePayload()
	if packed == nil {
		if at.GetFileLength() > maxInflated {
			return nil, fmt.Errorf("%w: %d bytes", errTooLarge, at.GetFileLength())
		}
		var err error
		if packed, err = s.client.Download(ctx, at); err != nil {
			return nil, err
		}
	}
	if err := checkInflated(packed, maxInflated); err != nil {
		return nil, err
	}
	blob, err := s.client.DownloadHistorySync(ctx, &waE2E.HistorySyncNotification{InitialHistBootstrapInlinePayload: packed}, true)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPacked, err)
	}
	return blob, nil
}

// checkInflated refuses what inflates to more than limit bytes, without keeping
// any of it.
func checkInflated(packed []byte, limit int64) error {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("%w: %w", errPacked, err)
	}
	n, err := io.Copy(io.Discard, io.LimitReader(r, limit+1))
	switch {
	case n > limit:
		return fmt.Errorf("%w: it inflates to more than %d bytes", errTooLarge, limit)
	case err != nil:
		return fmt.Errorf("%w: %w", errPacked, err)
	default:
		return nil
	}
}
